"""The path of PUBLIC_URL, below which clients see the service: everything that names a path of ours begins with it.

A proxy either removes it from the path of a request, or passes the path on as it is, which ``SCRIPT_NAME`` declares.
Both become what PEP 3333 asks for: ``SCRIPT_NAME`` has the prefix, ``PATH_INFO`` the rest, and ``url_for`` knows it. A
request without the prefix, as a health check inside sends it, is served as well.
"""

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from _typeshed.wsgi import WSGIEnvironment

SAFE: Final = "/:@!$&'()*+,;=~-._"


class Mount:
    """Where the application is mounted.

    Args:
        config: of the application; ``PUBLIC_URL``, and ``SCRIPT_NAME`` if the path of a request contains it.
    """

    def __init__(self, config: "Mapping[str, Any]") -> None:
        self.prefix: Final = prefix_of(config["PUBLIC_URL"])
        self._wire: Final = self.prefix.encode().decode("latin-1")
        self._is_sent: Final = bool(config["SCRIPT_NAME"])

    def place(self, environ: "WSGIEnvironment") -> None:
        """Divide the path of a request (PEP 3333), unless whoever mounts the application has done so."""
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
    """Return the decoded path of a URL; empty for the root of a host."""
    return unquote(urlsplit(public_url).path)


def whole_path(environ: "WSGIEnvironment") -> bytes:
    """Return the path of a request as clients see it."""
    path: str = environ.get("SCRIPT_NAME", "") + environ["PATH_INFO"]
    return path.encode("latin-1")


def located(place: str, environ: "WSGIEnvironment") -> str:
    """Return a Location as clients see it; a view gives a path of the application, or what ``url_for`` returns."""
    prefix = quote(environ.get("SCRIPT_NAME", "").encode("latin-1"), safe=SAFE)
    if not place.startswith("/") or place.startswith(("//", f"{prefix}/")):
        return place
    return prefix + place
