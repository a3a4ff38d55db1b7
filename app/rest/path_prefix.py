"""The path prefix of PUBLIC_URL, below which clients see the service. Paths in responses start with it.

A proxy either removes the prefix from the path of a request, or passes the path unchanged, which ``SCRIPT_NAME``
declares. Both result in the form of PEP 3333: ``SCRIPT_NAME`` has the prefix, ``PATH_INFO`` the rest, and ``url_for``
uses it. Requests without the prefix, such as internal health checks, are accepted too.
"""

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from _typeshed.wsgi import WSGIEnvironment

SAFE: Final = "/:@!$&'()*+,;=~-._"


class Mount:
    """The mount point of the application.

    Args:
        config: of the application; ``PUBLIC_URL``, and ``SCRIPT_NAME`` if the path of a request contains it.
    """

    def __init__(self, config: "Mapping[str, Any]") -> None:
        self.prefix: Final = prefix_of(config["PUBLIC_URL"])
        self._wire: Final = self.prefix.encode().decode("latin-1")
        self._is_sent: Final = bool(config["SCRIPT_NAME"])

    def place(self, environ: "WSGIEnvironment") -> None:
        """Split the path of a request (PEP 3333), unless an outer application has already split it."""
        if environ.get("SCRIPT_NAME"):
            return
        path = environ.get("PATH_INFO", "")
        if self._is_sent and _is_below(self._wire, path):
            environ["PATH_INFO"] = path[len(self._wire) :]
        environ["SCRIPT_NAME"] = self._wire

    def public(self, path: str) -> str:
        """Return a decoded path of a request as clients see it."""
        return path if self._is_sent and _is_below(self.prefix, path) else self.prefix + path


def _is_below(prefix: str, path: str) -> bool:
    return path.startswith(prefix) and path[len(prefix) :][:1] in {"", "/"}


def prefix_of(public_url: str) -> str:
    """Return the decoded path of a URL. It is empty for the root of a host."""
    return unquote(urlsplit(public_url).path)


def whole_path(environ: "WSGIEnvironment") -> bytes:
    """Return the path of a request as clients see it."""
    path: str = environ.get("SCRIPT_NAME", "") + environ["PATH_INFO"]
    return path.encode("latin-1")


def located(place: str, environ: "WSGIEnvironment") -> str:
    """Return a Location as clients see it. A view returns a path of the application, or the result of ``url_for``."""
    prefix = quote(environ.get("SCRIPT_NAME", "").encode("latin-1"), safe=SAFE)
    if not place.startswith("/") or place.startswith(("//", f"{prefix}/")):
        return place
    return prefix + place
