"""Rendering of a configuration from its template, with the addresses of the proxy and of the instances."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from flask import Flask
from jinja2 import Environment, PackageLoader, StrictUndefined

from app import product
from app.wire import request_ids

LISTEN: Final = "0.0.0.0:80"
INSTANCES: Final = (f"unix:/run/{product.SLUG}/1.sock", f"unix:/run/{product.SLUG}/2.sock")
"""The sockets of the units in ``deploy/systemd``."""
THREADS: Final = 32
"""Requests that an instance processes at the same time: 16 threads for each of two workers, as in ``deploy/nginx``."""

HSTS: Final = "max-age=63072000"
"""Strict-Transport-Security, as in ``deploy/nginx/http.conf``."""
CIPHERS: Final = ":".join(
    f"ECDHE-{key}-{cipher}"
    for cipher in ("AES128-GCM-SHA256", "AES256-GCM-SHA384", "CHACHA20-POLY1305")
    for key in ("ECDSA", "RSA")
)
"""The ciphers of TLS 1.2 in Mozilla's intermediate profile, as in ``deploy/nginx/tls.conf``."""

_TEMPLATES: Final = Environment(
    loader=PackageLoader(__package__ or ""),
    autoescape=False,  # noqa: S701 - no HTML; a template quotes by the rules of its syntax
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)


@dataclass(frozen=True)
class Addresses:
    """The address of the proxy, and those of the instances of the service.

    Args:
        listen: host and port.
        instances: ``host:port``, or ``unix:`` and the path of a socket.
        certificate: the path of the certificate chain, or empty without TLS.
        key: the path of its key.
    """

    listen: str = LISTEN
    instances: tuple[str, ...] = INSTANCES
    certificate: str = ""
    key: str = ""

    @property
    def host(self) -> str:
        """The host of the proxy."""
        return self.listen.rpartition(":")[0].strip("[]")

    @property
    def port(self) -> int:
        """The port of the proxy."""
        return int(self.listen.rpartition(":")[2])


def rendered(template: str, app: Flask, addresses: Addresses, values: Mapping[str, Any]) -> str:
    """Return a configuration."""
    return _TEMPLATES.get_template(template).render(
        values,
        listen=addresses,
        slug=product.SLUG,
        product=product.NAME,
        threads=THREADS,
        hsts=HSTS,
        ciphers=CIPHERS,
        sent=request_ids.SENT,
        is_logged=app.config["LOG_CLIENT"],
    )
