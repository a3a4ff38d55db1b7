#!/usr/bin/env bash
# Flask-Limiter 4.1.1: one Limiter, bound to two applications with init_app as the application factory pattern does.
# Expected: each application has the limits and the storage of its own settings.
# Seen: both have the default limit of the first and count in the storage of the last. "own limits: False"
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check flask==3.1.3 flask-limiter==4.1.1 limits==5.8.0
"$folder/venv/bin/python" - <<'PROGRAM'
import sys

from flask import Flask
from flask_limiter import Limiter

limiter = Limiter(lambda: "client")


def create_app(limit):
    app = Flask(__name__)
    app.config.update(RATELIMIT_DEFAULT=limit, RATELIMIT_STORAGE_URI="memory://")
    limiter.init_app(app)
    app.add_url_rule("/", "index", lambda: "hello")
    return app


first, second = create_app("1 per hour"), create_app("5 per hour")
statuses = [second.test_client().get("/").status_code for _ in range(2)]
print("two requests to the application with 5 per hour:", statuses)
sys.exit(statuses != [200, 429])
PROGRAM
