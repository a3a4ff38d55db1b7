"""HAProxy 2.6 or newer: ``haproxy.cfg``."""

from typing import Final

from flask import Flask

from app.rest import retry_safety
from app.rest.proxy_config.description import RESENT, Operations, describe
from app.rest.proxy_config.rendering import Addresses, rendered

REQUEST_ID: Final = "%[var(txn.id)]"
NOW: Final = "%[date(),utime(%Y-%m-%dT%H:%M:%SZ)]"
LIMIT: Final = "%[var(txn.limit)]"
HEAD_BYTES: Final = 131_072
"""Space in a buffer for the head of a request, in addition to a complete body. The service rejects longer heads."""


def configuration(app: Flask, addresses: Addresses) -> str:
    """Return ``haproxy.cfg``."""
    description = describe(app, request_id="{id}", now="{now}", limit="{limit}")
    return rendered(
        "haproxy.cfg",
        app,
        addresses,
        {
            "it": description,
            "document": lambda status: _format(description.documents[status].text),
            "doubtful": lambda status: _format(description.documents[status].doubtful),
            "quoted": quoted,
            "matches": _matches,
            "servers": [_server(instance) for instance in addresses.instances],
            "buffer_bytes": description.max_body_bytes + HEAD_BYTES,
            "resent": " ".join(RESENT),
            "idempotent": " ".join(sorted(retry_safety.IDEMPOTENT)),
        },
    )


def quoted(text: str) -> str:
    """Return a text in double quotes, which prevent its interpretation."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("$", "\\$") + '"'


def _matches(operations: Operations) -> str:
    """Return an expression that is true for requests to these operations."""
    return " ".join(["var(txn.operation) -m reg", *(quoted(f"^{method} {path}$") for method, path in operations)])


def _format(document: str) -> str:
    """Return a document as a log format, with the request ID and the time as expressions."""
    return quoted(
        document.replace("%", "%%").replace("{id}", REQUEST_ID).replace("{now}", NOW).replace("{limit}", LIMIT)
    )


def _server(instance: str) -> str:
    return instance.replace("unix:", "unix@", 1) if instance.startswith("unix:") else instance
