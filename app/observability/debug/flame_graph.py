"""A profile as one self-contained HTML page."""

import base64
import hashlib
import json
from pathlib import Path
from typing import Final

from app.observability.debug.profile import Profile

HERE: Final = Path(__file__).parent
SCRIPT: Final = (HERE / "flame.js").read_text()
STYLE: Final = (HERE / "flame.css").read_text()


def _digest(text: str) -> str:
    return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"


POLICY: Final = f"default-src 'none'; script-src {_digest(SCRIPT)}; style-src {_digest(STYLE)}; base-uri 'none'"
PAGE: Final = """<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><title>Profile of {seconds:g} s</title>
<meta http-equiv="Content-Security-Policy" content="{policy}">
<style>{style}</style></head>
<body><header><h1>Profile of {seconds:g} s</h1><button id="whole">Whole</button>
<label>Find <input id="find" type="search"></label></header>
<p id="info">Wall-clock time of every thread. Click a frame to zoom in.</p><div id="graph"></div>
<script type="application/json" id="profile">{tree}</script><script>{script}</script></body></html>
"""


def page(profile: Profile) -> str:
    """Return the page."""
    tree = json.dumps(profile.tree()).replace("<", "\\u003c")
    return PAGE.format(seconds=profile.seconds, policy=POLICY, style=STYLE, tree=tree, script=SCRIPT)
