"""Caddy 2.10 or newer: ``Caddyfile``."""

from typing import Final

from flask import Flask

from app.rest import retry_safety
from app.rest.proxy_config.description import RESENT, Operations, describe
from app.rest.proxy_config.rendering import Addresses, rendered

NOW: Final = '{{now.UTC.Format "2006-01-02T15:04:05Z"}}'


def configuration(app: Flask, addresses: Addresses) -> str:
    """Return a ``Caddyfile``."""
    description = describe(app, request_id="{id}", now="{now}", limit="{limit}")
    return rendered(
        "Caddyfile",
        app,
        addresses,
        {
            "it": description,
            "document": lambda status: _body(description.documents[status].text),
            "doubtful": lambda status: _body(description.documents[status].doubtful),
            "pattern": _pattern,
            "upstreams": " ".join(map(_upstream, addresses.instances)),
            "resent": RESENT,
            "idempotent": sorted(retry_safety.IDEMPOTENT),
        },
    )


def _body(document: str) -> str:
    """Return a document in backticks, which prevent the interpretation of quotes."""
    return "`" + document.replace("`", "'").replace("{now}", NOW) + "`"


def _pattern(operations: Operations) -> str:
    """Return a regular expression for the method and the path of requests to these operations, in backticks."""
    return "`~^(?:" + "|".join(f"{method} {path}" for method, path in operations) + ")$`"


def _upstream(instance: str) -> str:
    return instance.replace("unix:", "unix/", 1) if instance.startswith("unix:") else instance
