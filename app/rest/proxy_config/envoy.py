"""Envoy 1.36 or newer: ``envoy.yaml``."""

import json
from typing import Final

from flask import Flask

from app.rest import retry_safety
from app.rest.proxy_config.description import RESENT, Document, Operations, describe
from app.rest.proxy_config.rendering import Addresses, rendered

REQUEST_ID: Final = "%REQ(X-REQUEST-ID)%"
UNPARSED_ID: Final = "%START_TIME(%s.%9f)%"
"""The request ID where Envoy could not read the request: its time in nanoseconds."""
NOW: Final = "%START_TIME(%Y-%m-%dT%H:%M:%SZ)%"
MAGIC: Final = "-"
"""A character with a meaning in a Lua pattern that is common in paths."""


def configuration(app: Flask, addresses: Addresses) -> str:
    """Return ``envoy.yaml``."""
    description = describe(app, request_id="{id}", now="{now}", limit="{limit}")

    def document(status: int, request_id: str = REQUEST_ID) -> str:
        return _format(description.documents[status].text, request_id, description.max_body_bytes)

    def doubtful(status: int) -> str:
        return _format(description.documents[status].doubtful, REQUEST_ID, description.max_body_bytes)

    found: dict[int, Document] = description.documents
    return rendered(
        "envoy.yaml",
        app,
        addresses,
        {
            "it": description,
            "document": document,
            "doubtful": doubtful,
            "unparsed": UNPARSED_ID,
            "request_id": REQUEST_ID,
            "limits": sorted({*description.limits, description.max_body_bytes}),
            "too_large": lambda limit: _format(found[413].text, REQUEST_ID, limit),
            "lua": _lua,
            "text": json.dumps,
            "instances": [_address(instance) for instance in addresses.instances],
            "resent": RESENT,
            "idempotent": sorted(retry_safety.IDEMPOTENT),
        },
    )


def _format(document: str, request_id: str, limit: int) -> str:
    """Return a document as a format string, in the form of JSON, which YAML contains."""
    text = document.replace("%", "%%").replace("{id}", request_id).replace("{now}", NOW).replace("{limit}", str(limit))
    return json.dumps(text, ensure_ascii=False)


def _lua(operations: Operations) -> list[str]:
    """Return Lua patterns for the method and the path of requests to these operations."""
    return [
        json.dumps(f"^{method} {path}$".replace(MAGIC, f"%{MAGIC}").replace("\\%", "%").replace("\\", "%"))
        for method, path in operations
    ]


def _address(instance: str) -> str:
    """Return the address of an instance in the flow style of YAML."""
    if instance.startswith("unix:"):
        return json.dumps({"pipe": {"path": instance.removeprefix("unix:")}})
    host, _, port = instance.rpartition(":")
    return json.dumps({"socket_address": {"address": host.strip("[]"), "port_value": int(port)}})
