#!/usr/bin/env bash
# gunicorn 27.0.1: an application calls start_response again with exc_info, before any header was sent.
# Expected: the new header fields replace the old ones (PEP 3333, "The start_response() Callable").
# Seen: the status is replaced, the fields are added: two Content-Length, and the old X-Total remains.
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check gunicorn==27.0.1
"$folder/venv/bin/python" - <<'PROGRAM'
import sys
from types import SimpleNamespace

from gunicorn.config import Config
from gunicorn.http.wsgi import Response

request = SimpleNamespace(method="GET", version=(1, 1), should_close=lambda: False)
response = Response(request, None, Config())
response.start_response("200 OK", [("Content-Length", "2"), ("X-Total", "1")])
try:
    raise ValueError
except ValueError:
    response.start_response("500 Internal Server Error", [("Content-Length", "7")], sys.exc_info())
print(response.status, response.headers)
sys.exit([name.title() for name, _ in response.headers] != ["Content-Length", "X-Total", "Content-Length"])
PROGRAM
