"""Header fields of requests and responses."""

from typing import Final

from app.rest import request_header_meanings, response_header_meanings
from tests.docs.generate.errors import yes
from tests.docs.generate.markdown import code, document, link, table

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
    sent = {**response_header_meanings.DOCUMENTED, **MORE}
    names = sorted({*request_header_meanings.READ, *sent}, key=str.lower)
    overview = [
        (link(code(name), "", name), yes(name in request_header_meanings.READ), yes(name in sent)) for name in names
    ]
    return document(
        "Header fields",
        "app/rest/request_header_meanings.py and app/rest/response_header_meanings.py",
        "Header fields that the service reads from requests, and those that it adds to responses. Names are case-insensitive. "
        "Other fields of a request have no effect, unless an operation declares them.",
        table(("Field", "Request", "Response"), overview),
        *(_field(name, request_header_meanings.READ.get(name), sent.get(name)) for name in names),
    )


def _field(name: str, read: str | None, added: str | None) -> str:
    parts = [f"## {name}"]
    if read:
        parts.append(f"**Request:** {read}")
    if added:
        parts.append(f"**Response:** {added}")
    return "\n\n".join(parts)
