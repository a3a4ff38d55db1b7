"""Traefik 3.7 or newer: ``traefik-dynamic.yaml``; a comment has the options to start it."""

import json
from typing import Final

from flask import Flask

from app.rest.proxy_config.description import RESENT, Operations, describe
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
            "keyed": _rule,
        },
    )


def _rule(operations: Operations) -> str:
    """Return a rule for requests to these operations with an Idempotency-Key."""
    paths = " || ".join(f"(Method(`{method}`) && PathRegexp(`^{path}$`))" for method, path in operations)
    return f"HeaderRegexp(`Idempotency-Key`, `.`) && ({paths})"
