"""Compression of content that doesn't change in a process, once, with gzip (RFC 9110, sections 8.4.1.3, 12.5.3).

Resources are not compressed: the entity tag of a resource is that of its bytes (C20), and a proxy must not weaken it.
Here each form has its own tag (section 8.8.3.3).
"""

import gzip
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Final

from flask import Response
from werkzeug.datastructures import Accept
from werkzeug.http import parse_accept_header

from app.rest.request import current

GZIP: Final = "gzip"
FIELD: Final = "Accept-Encoding"
ENCODING: Final = "Content-Encoding"
SUFFIX: Final = f":{GZIP}"
"""The suffix of the entity tag, as in Flask-Compress."""
LONGEST: Final = 256
"""Characters of Accept-Encoding that are read; browsers send 23."""
FILES: Final = 32
"""Files whose compressed form is cached; there are about ten."""


def compressed(content: bytes) -> bytes:
    """Return the compressed content: the same bytes for the same content, in each worker and on each machine."""
    return gzip.compress(content, mtime=0)


@lru_cache(FILES)
def compressed_file(path: Path, _changed: int) -> bytes:
    """Return a compressed file. ``_changed`` is the time of its last change in nanoseconds."""
    return compressed(path.read_bytes())


def is_accepted() -> bool:
    """Return true if the client accepts gzip and does not prefer the uncompressed form."""
    field = current().sent(FIELD)
    if not field:
        return False
    return _is_accepted(field[:LONGEST])


@lru_cache(128)
def _is_accepted(field: str) -> bool:
    accepted = parse_accept_header(field, Accept)
    return accepted.quality(GZIP) > 0 and accepted.quality(GZIP) >= accepted.quality("identity")


def negotiated(plain: Callable[[], Response], packed: Callable[[], Response]) -> Response:
    """Return the form that the client accepts, with the header field that determines it in ``Vary``."""
    is_packed = is_accepted()
    response = packed() if is_packed else plain()
    if is_packed:
        response.content_encoding = GZIP
    response.vary.add(FIELD)
    return response
