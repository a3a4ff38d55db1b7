"""Traefik 3.7 or newer: ``traefik-dynamic.yaml``; a comment has the options to start it."""

import json
from typing import Final

from flask import Flask

from app.rest.proxy_config.description import RESENT, describe
from app.rest.proxy_config.rendering import Addresses, rendered

SCHEME: Final = "http"
"""Of the instances: Traefik has no Unix sockets."""


def configuration(app: Flask, addresses: Addresses) -> str:
    """Return ``traefik-dynamic.yaml``. It has no problem documents, because Traefik cannot send them itself."""
    return rendered(
        "traefik.yaml",
        app,
        addresses,
        {
            "it": describe(app, request_id="", now="", limit="0"),
            "text": json.dumps,
            "servers": [f"{SCHEME}://{each}" for each in addresses.instances],
            "resent": " || ".join(f"Method(`{method}`)" for method in RESENT),
        },
    )
