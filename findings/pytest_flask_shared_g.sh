#!/usr/bin/env bash
# pytest-flask 1.3.0: a test sends two requests with the fixture client; the view counts in flask.g.
# Expected: each request has its own g, as on every server: 1, 1.
# Seen: 1, 2. The plugin pushes a request context around each test, and Flask's client reuses the application context it finds.
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check flask==3.1.3 pytest==9.2.0 pytest-flask==1.3.0
"$folder/venv/bin/python" - <<'PROGRAM'
import pathlib
import subprocess
import sys
import tempfile

TEST = """
import flask, pytest

@pytest.fixture
def app():
    app = flask.Flask(__name__)

    @app.get("/")
    def count():
        flask.g.count = flask.g.get("count", 0) + 1
        return str(flask.g.count)

    return app

def test_two_requests(client):
    seen = [client.get("/").text, client.get("/").text]
    print("seen:", seen)
    assert seen == ["1", "2"]
"""
with tempfile.TemporaryDirectory() as folder:
    path = pathlib.Path(folder, "test_count.py")
    path.write_text(TEST)
    command = [sys.executable, "-m", "pytest", "-q", "-s", "-p", "no:cacheprovider", str(path)]
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True)
print(result.stdout)
sys.exit("seen: ['1', '2']" not in result.stdout)
PROGRAM
