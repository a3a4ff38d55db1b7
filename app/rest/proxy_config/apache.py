"""Apache httpd 2.4.54 or newer: ``apache.conf``, a complete configuration."""

import math
from typing import Final

from flask import Flask

from app.errs.platform import RouteNotFound
from app.rest import retry_safety
from app.rest.proxy_config.description import RESENT, UNSETTLED, Operations, describe
from app.rest.proxy_config.rendering import Addresses, rendered

REQUEST_ID: Final = "%{reqenv:ID}"
CLIENT: Final = "%{TIME_YEAR}%{TIME_MON}%{TIME_DAY}%{TIME_HOUR}%{TIME_MIN}%{REMOTE_ADDR}%{REMOTE_PORT}"
UNPARSED_ID: Final = f"%{{md5:{CLIENT}}}"
"""The request ID where Apache could not read the request: a digest of the minute and of the client's port."""
UNPARSED: Final = (400, 414, 431, 501)
"""The statuses of requests that Apache could not read."""
NOW: Final = "%{TIME_YEAR}-%{TIME_MON}-%{TIME_DAY}T%{TIME_HOUR}:%{TIME_MIN}:%{TIME_SEC}Z"
LIMIT: Final = "%{reqenv:LIMIT}"
MODULES: Final = (
    *("authz_core", "reqtimeout", "unique_id", "headers", "setenvif", "env", "rewrite", "slotmem_shm"),
    *("proxy", "proxy_http", "proxy_balancer", "proxy_hcheck", "lbmethod_byrequests"),
)
LOST: Final = 502
"""The status of Apache if an instance failed. The others translate it to 503; Apache cannot change a status."""


def configuration(app: Flask, addresses: Addresses) -> str:
    """Return ``apache.conf``."""
    description = describe(app, request_id="{id}", now="{now}", limit="{limit}", more=[RouteNotFound()])

    def text(status: int, *, is_doubtful: bool = False) -> str:
        found = description.documents[min(UNSETTLED) if status == LOST else status]
        document = found.doubtful if is_doubtful else found.text
        return document.replace(f'"status":{found.status}', f'"status":{status}')

    return rendered(
        "apache.conf",
        app,
        addresses,
        {
            "it": description,
            "modules": MODULES,
            "lost": LOST,
            "document": lambda status: _text(text(status)),
            "unparsed": lambda status: _text(text(status), UNPARSED_ID),
            "doubtful": lambda status: _text(text(status, is_doubtful=True)),
            "unparsed_statuses": UNPARSED,
            "unparsed_id": UNPARSED_ID,
            "unparsed_digest": f"md5('{CLIENT}')",
            "matches": _matches,
            "members": [_member(each) for each in addresses.instances],
            "timeout": math.ceil(description.response_ms / 1000),
            "resent": RESENT,
            "idempotent": sorted(retry_safety.IDEMPOTENT),
        },
    )


def _text(document: str, request_id: str = REQUEST_ID) -> str:
    """Return a document as an expression in single quotes."""
    quoted = document.replace("\\", "\\\\").replace("'", "\\'")
    return "'" + quoted.replace("{id}", request_id).replace("{now}", NOW).replace("{limit}", LIMIT) + "'"


def _matches(operations: Operations) -> str:
    """Return an expression that is true for requests to these operations."""
    patterns = "|".join(f"{method} {path}" for method, path in operations)
    return f"'%{{REQUEST_METHOD}} %{{REQUEST_URI}}' =~ m#^(?:{patterns})$#"


def _member(instance: str) -> str:
    """Return the URL of a member of the balancer; the host of a Unix socket is a name only."""
    return f"{instance}|http://{instance.rpartition('/')[2]}" if instance.startswith("unix:") else f"http://{instance}"
