"""An answer in JSON, all of which is at hand."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from flask import Response
from werkzeug.datastructures import Headers

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

JSON: Final = "application/json"


class JsonResponse(Response):
    """Is sent with the fields that it has: there is no length to find out, and no location to complete."""

    def __init__(
        self, body: bytes, status: HTTPStatus, fields: Mapping[str, str] | None = None, *, content_type: str = JSON
    ) -> None:
        super().__init__(body, status, {"Content-Type": content_type, **(fields or {})})

    def get_wsgi_headers(self, environ: "WSGIEnvironment") -> Headers:
        """Return the fields."""
        return self.headers
