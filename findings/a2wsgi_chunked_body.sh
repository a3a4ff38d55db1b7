#!/usr/bin/env bash
# a2wsgi 1.10.10 with Flask 3.1.3: a POST request with Transfer-Encoding: chunked.
# Expected: the view reads the body, as behind gunicorn or waitress.
# Seen: the body is empty and the request succeeds, because a2wsgi does not set wsgi.input_terminated (PEP 3333 has no way
# to say so; Werkzeug reads nothing of an unknown length without it). "the view has read 0 of 5 bytes"
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check flask==3.1.3 a2wsgi==1.10.10
"$folder/venv/bin/python" - <<'PROGRAM'
import asyncio
import sys

import a2wsgi
from flask import Flask, request

app = Flask(__name__)
app.add_url_rule("/", "length", lambda: str(len(request.get_data())), methods=["POST"])
seen = []


async def main():
    async def receive():
        return {"type": "http.request", "body": b"hello", "more_body": False}

    async def send(message):
        seen.append(message.get("body", b""))

    await a2wsgi.WSGIMiddleware(app)(
        {
            "type": "http",
            "method": "POST",
            "path": "/",
            "root_path": "",
            "query_string": b"",
            "http_version": "1.1",
            "scheme": "http",
            "server": ("127.0.0.1", 80),
            "client": ("127.0.0.1", 1),
            "headers": [(b"host", b"example.com"), (b"transfer-encoding", b"chunked")],
        },
        receive,
        send,
    )


asyncio.run(main())
length = b"".join(seen).decode()
print(f"the view has read {length} of 5 bytes")
sys.exit(length != "0")
PROGRAM
