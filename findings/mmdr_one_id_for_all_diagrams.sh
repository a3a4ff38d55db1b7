#!/usr/bin/env bash
# mmdr 0.4.0 renders Mermaid to SVG without a browser. Each SVG has the id "merman", which scopes its style sheet, and its
# shadows have ids made of it. An HTML page with a flowchart and a state diagram has duplicate ids then, and the rules of
# each style sheet (#merman .node {…}) apply to both diagrams. Mermaid itself gives each diagram an id of its own. A page
# with one diagram shows nothing of this.
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check mmdr==0.4.0
cat > "$folder/render.py" <<'PROGRAM'
import re

import mmdr

first = mmdr.render("flowchart LR\n  a --> b").svg()
second = mmdr.render("stateDiagram-v2\n  closed --> open: fails").svg()
ids = [set(re.findall(r'\sid="([^"]+)"', svg)) for svg in (first, second)]
styles = [bool(re.search(r"<style>[^<]*#merman[ .{]", svg)) for svg in (first, second)]
print("in both:", *sorted(ids[0] & ids[1]))
print("style sheets scoped by #merman:", *styles)
PROGRAM
seen="$("$folder/venv/bin/python" "$folder/render.py")"
echo "$seen"
grep -q "^in both: .*\bmerman\b" <<< "$seen" && grep -q "merman: True True" <<< "$seen"
