"""Header fields of requests and responses."""

from typing import Final

from app.rest import request_headers, response_headers
from tests.docs.generate.markdown import code, document, table

MORE: Final = {
    "Access-Control-Allow-Headers": "Header fields that a page of an allowed origin may send (preflight).",
    "Access-Control-Allow-Methods": "Methods that a page of an allowed origin may use (preflight).",
    "Access-Control-Allow-Origin": "Origin of the calling page, if `CORS_ORIGINS` has it.",
    "Access-Control-Expose-Headers": "Response header fields that the page may read.",
    "Access-Control-Max-Age": "Seconds that the browser may keep the result of the preflight request.",
    "Allow": "Methods of the resource, on 405 and on responses to `OPTIONS`.",
    "Deprecation": "Date from which the operation is deprecated (RFC 9745).",
    "Link": 'With `rel="deprecation"`, a page about the deprecation.',
    "Sunset": "Date from which the operation may be gone (RFC 8594).",
}


def page() -> str:
    """Return the page of header fields."""
    sent = {**response_headers.DOCUMENTED, **MORE}
    return document(
        "Header fields",
        "app/rest/request_headers.py and app/rest/response_headers.py",
        "Header fields that the service reads from requests, and those that it adds to responses. Names are case-insensitive. "
        "Other fields of a request have no effect, unless an operation declares them.",
        "## Request header fields\n\n"
        + table(("Field", "Meaning"), [(code(name), text) for name, text in request_headers.READ.items()]),
        "## Response header fields\n\n"
        + table(("Field", "Meaning"), [(code(name), sent[name]) for name in sorted(sent)]),
    )
