#!/usr/bin/env bash
# Flask-DebugToolbar 0.16.0: a view answers with an empty response that has no Content-Type, such as a 401 or a 204 may have.
# Expected: the answer passes, since there is no page to put the toolbar on.
# Seen: 500, because the toolbar's after_request reads the missing field.
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check flask==3.1.3 flask-debugtoolbar==0.16.0
"$folder/venv/bin/python" - <<'PROGRAM'
import sys

from flask import Flask, Response
from flask_debugtoolbar import DebugToolbarExtension

app = Flask(__name__)
app.config.update(SECRET_KEY="example", DEBUG_TB_ENABLED=True)
DebugToolbarExtension(app)


@app.get("/")
def empty():
    response = Response(status=401)
    del response.headers["Content-Type"]
    return response


status = app.test_client().get("/").status
print(status)
sys.exit(not status.startswith("500"))
PROGRAM
