#!/usr/bin/env bash
# redis (redis-py) 8.1.0: a URL whose path is not a number, such as redis://cache/sessions.
# Expected: ValueError, as for an unknown scheme or a port that is not a number.
# Seen: the path is dropped without a word, and the client uses database 0; ?db=sessions in the query is a ValueError.
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check redis==8.1.0
"$folder/venv/bin/python" - <<'PROGRAM'
import sys

from redis import Redis

by_path = Redis.from_url("redis://cache/sessions").connection_pool.connection_kwargs.get("db", 0)
try:
    Redis.from_url("redis://cache?db=sessions")
    by_query = "accepted"
except ValueError:
    by_query = "ValueError"
print("path:", by_path, "query:", by_query)
sys.exit((by_path, by_query) != (0, "ValueError"))
PROGRAM
