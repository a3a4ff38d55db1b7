"""Rendering of pages from templates, with escaping and a strict content security policy, in the accepted format."""

import json
import re
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any, Final

from flask import Response, send_file, send_from_directory, url_for
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup, escape
from werkzeug.exceptions import NotFound

from app import product
from app.errs import Fault
from app.errs.platform import RouteNotFound
from app.rest import negotiation
from app.rest.pages import compression, documentation_links

JSON: Final = "application/json"
HTML: Final = "text/html"
MARKDOWN: Final = "text/markdown"
POLICY: Final[Mapping[str, str]] = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data:",
    "connect-src": "'self'",
    "base-uri": "'none'",
    "form-action": "'none'",
    "frame-ancestors": "'none'",
}
"""The content security policy of a page (https://www.w3.org/TR/CSP3/)."""
ACTS: Final[Mapping[Fault, str]] = {
    Fault.CLIENT: "The client must change the request.",
    Fault.SERVICE: "The service has a fault. Its operator must act.",
    Fault.DEPENDENCY: "A dependency of the service failed.",
    Fault.CAPACITY: "The service temporarily has too little time, storage or connections.",
}
"""The meaning of each fault."""
_MEMBER: Final = re.compile(r'( *)"([^"]+)":')
_CODE: Final = re.compile(r"`([^`]+)`")

_TEMPLATES: Final = Environment(
    loader=PackageLoader(__package__ or ""),
    autoescape=select_autoescape(["html"]),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_TEMPLATES.globals |= {"url_for": url_for, "acts": ACTS, "documentation": documentation_links, "product": product.NAME}


def page(template: str, *, policy: Mapping[str, str] = POLICY, **context: object) -> Response:
    """Return an HTML page."""
    response = Response(_TEMPLATES.get_template(f"{template}.html").render(context), mimetype=HTML)
    response.headers["Content-Security-Policy"] = "; ".join(f"{name} {value}" for name, value in policy.items())
    response.headers["Referrer-Policy"] = "same-origin"
    return response


def negotiated(template: str, value: object, formats: tuple[str, ...]) -> Any:
    """Return the value in the format that the client prefers: unchanged for JSON, otherwise rendered."""
    chosen = negotiation.best(formats)
    if chosen == JSON:
        return value
    if chosen == HTML:
        return page(template, it=value)
    return Response(_TEMPLATES.get_template(f"{template}.md").render(it=value), mimetype=MARKDOWN)


def file_of(folder: Path | str, name: str, *, max_age: int | None = None) -> Response:
    """Return a file of a folder, compressed if the client accepts that.

    Raises:
        RouteNotFound: the file does not exist.
    """
    try:
        response = compression.negotiated(
            lambda: send_from_directory(folder, name, max_age=max_age),
            lambda: _compressed(folder, name, max_age),
        )
    except NotFound as exc:
        raise RouteNotFound from exc
    response.cache_control.no_transform = True
    return response


def _compressed(folder: Path | str, name: str, max_age: int | None) -> Response:
    plain = send_from_directory(folder, name, max_age=max_age, conditional=False)
    plain.close()
    path = Path(folder, name)  # send_from_directory has checked that it is in the folder
    changed = path.stat()
    body = BytesIO(compression.compressed_file(path, changed.st_mtime_ns))
    tag = (plain.get_etag()[0] or "") + compression.SUFFIX
    return send_file(body, plain.mimetype, max_age=max_age, etag=tag, last_modified=changed.st_mtime)


def _pretty(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


def _highlighted(value: object) -> Markup:
    """Return JSON as HTML: one block per line, indented by depth, with marked property names."""
    return Markup().join(_line(line) for line in _pretty(value).split("\n"))


def _line(line: str) -> Markup:
    indent = len(line) - len(line.lstrip(" "))
    named = _MEMBER.match(line)
    value = Markup('{}<b>"{}"</b>:{}').format(named[1], named[2], line[named.end() :]) if named else escape(line)
    return Markup('<span class="line in{}">{}</span>').format(indent // 2, value)


def _breakable(name: str) -> Markup:
    """Return a name as HTML with possible line breaks after underscores."""
    return Markup("_<wbr>").join(name.split("_"))


def _prose(text: str) -> Markup:
    """Return a text as HTML, with text between backticks as code."""
    parts = _CODE.split(text)
    return Markup().join(
        Markup("<code>{}</code>").format(part) if n % 2 else escape(part) for n, part in enumerate(parts)
    )


_TEMPLATES.filters |= {"pretty": _pretty, "highlighted": _highlighted, "breakable": _breakable, "prose": _prose}
