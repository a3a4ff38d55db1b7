#!/usr/bin/env bash
# prometheus_client 0.26.0: a scrape whose Accept has a version that is not made of numbers, such as
# "application/openmetrics-text; version=next, text/plain". Parameters of media types may have any value (RFC 9110, 8.3.1).
# Expected: an unknown version is skipped, and text/plain is chosen.
# Seen: choose_encoder raises, and the scrape fails.
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check prometheus_client==0.26.0
"$folder/venv/bin/python" - <<'PROGRAM'
import sys

from prometheus_client.exposition import choose_encoder

print("without:", choose_encoder("application/openmetrics-text; version=1.0.0, text/plain")[1])
try:
    print("with:", choose_encoder("application/openmetrics-text; version=next, text/plain")[1])
except TypeError as raised:
    print("with:", type(raised).__name__, raised)
    sys.exit(0)
sys.exit(1)
PROGRAM
