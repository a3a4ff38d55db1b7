#!/usr/bin/env bash
# sentry-sdk 2.75.0 with brotli 1.2.0: an exception is reported with `Client(dsn)` and no other option.
# Expected: the envelope is compressed with gzip, as without brotli; its content encoding does not depend on other packages.
# Seen: if the module `brotli` can be imported, for example because Flask-Compress depends on it, the envelope has
# Content-Encoding: br. A receiver that accepts only gzip then gets no events, and the application sees no error.
# "without brotli: gzip", "with brotli: br"
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cat > "$folder/program.py" <<'PROGRAM'
import http.server
import threading
import warnings

import sentry_sdk

warnings.simplefilter("ignore")
seen = []


class Ingest(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        seen.append(self.headers["Content-Encoding"])
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        pass


server = http.server.HTTPServer(("127.0.0.1", 0), Ingest)
threading.Thread(target=server.serve_forever, daemon=True).start()
sentry_sdk.init(dsn=f"http://key@127.0.0.1:{server.server_port}/1")
sentry_sdk.capture_message("a message that is long enough for compression " * 20)
sentry_sdk.flush(10)
print(seen[0])
PROGRAM
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check sentry-sdk==2.75.0
without="$("$folder/venv/bin/python" "$folder/program.py")"
"$folder/venv/bin/pip" install -q --disable-pip-version-check brotli==1.2.0
with="$("$folder/venv/bin/python" "$folder/program.py")"
echo "without brotli: $without"
echo "with brotli: $with"
[ "$without" = gzip ] && [ "$with" = br ]
