"""An answer in JSON, all of which is at hand."""

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, cast

from flask import Response
from werkzeug.datastructures import Headers

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

JSON: Final = "application/json"
BODILESS: Final = frozenset({HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED})
"""Answers that have no body, whatever they are made of (RFC 9110, section 6.4.1)."""


class JsonResponse(Response):
    """Is sent with the fields that it has: there is no length to find out, and no location to complete."""

    def __init__(
        self, body: bytes, status: int, fields: Mapping[str, str] | None = None, *, content_type: str = JSON
    ) -> None:
        super().__init__(status=status, content_type=content_type)
        for name, value in (fields or {}).items():
            self.headers.add(name, value)
        self.set_data(body)

    def get_wsgi_headers(self, environ: "WSGIEnvironment") -> Headers:
        """Return the fields."""
        return self.headers

    def get_app_iter(self, environ: "WSGIEnvironment") -> Iterable[bytes]:
        """Return the body as it is, unless there is to be none, or something to be done when it is sent."""
        is_plain = environ["REQUEST_METHOD"] != "HEAD" and self.status_code not in BODILESS and not self._on_close
        return cast("list[bytes]", self.response) if is_plain else super().get_app_iter(environ)
