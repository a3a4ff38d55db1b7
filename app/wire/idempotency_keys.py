"""The parser of ``Idempotency-Key``."""

import re
from typing import Final

from app.errs.requests import InvalidIdempotencyKey

_BARE: Final = re.compile(r"[\x20\x21\x23-\x2b\x2d-\x7e]{1,255}")
_QUOTED: Final = re.compile(r'"((?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])+)"')
_LONGEST: Final = 255


def key_of(sent: str) -> str:
    """Return the key: a bare word or a structured-field string (RFC 9651, section 3.3.3).

    A comma in a bare key is rejected, because two header fields are joined by a comma.

    Raises:
        InvalidIdempotencyKey: it is neither of the two.
    """
    text = sent.strip(" \t")
    if quoted := _QUOTED.fullmatch(text):
        text = re.sub(r"\\(.)", r"\1", quoted[1])
    elif not _BARE.fullmatch(text):
        raise InvalidIdempotencyKey
    if len(text) > _LONGEST:
        raise InvalidIdempotencyKey
    return text
