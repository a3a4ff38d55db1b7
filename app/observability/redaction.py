"""Redaction of exception texts: only text that appears in source code is logged, never the data inserted into it.

The service's own errors consist of fixed sentences and facts. Any other exception may quote a password, a row or a
header
field. Its text alone does not reveal that, but the source code that raised it does.
"""

import dis
import re
from collections.abc import Iterator
from functools import lru_cache
from types import CodeType, TracebackType
from typing import Final

import psycopg

from app import errs

LONGEST: Final = 500
"""The maximum length of an exception's first line; later lines may contain row values and are left out."""
LEFT_OUT: Final = "…"
WAYS: Final = 1024
"""The maximum number of cached call chains with the texts in their source."""
SHORTEST: Final = 3
"""The minimum length of a recognized constant; shorter ones match everywhere."""
_QUOTED: Final = re.compile("""(["'`])(?:.*\\1|.*)""")
"""From the first quote to the last, or to the end of a cut text, because quoted text may contain quotes."""
_QUOTED_NAME: Final = re.compile("""(["'`])(?:.*?\\1|.*)""")
_OF_NAMES: Final = (AttributeError, ImportError, NameError)
"""Exceptions of the interpreter that quote words of the source."""
_RUN: Final = re.compile(b"\x00+|\x01+")
"""Characters that are not from the source, or that are."""
_RAISES: Final = frozenset({dis.opmap["RAISE_VARARGS"], dis.opmap["RERAISE"]})


def redact_exception(exc: BaseException) -> str:
    """Return the text of an exception without its data."""
    if isinstance(exc, errs.Error):
        return _first_line(exc.without_quotes())
    text = _first_line(str(exc))
    if isinstance(exc, psycopg.Error):
        quoted = _QUOTED if exc.sqlstate else _QUOTED_NAME  # without a connection there are only names to quote
        return quoted.sub(rf"\1{LEFT_OUT}\1", text)
    if _comes_from_c(exc.__traceback__):
        return text if isinstance(exc, _OF_NAMES) else _QUOTED.sub(rf"\1{LEFT_OUT}\1", text)
    return _only_from_source(text, exc.__traceback__)


def _first_line(text: str) -> str:
    return text.partition("\n")[0][:LONGEST]


def _comes_from_c(traceback: TracebackType | None) -> bool:
    """True if the interpreter or a C library raised it, not a ``raise`` statement: they put data between quotes."""
    if traceback is None:
        return False
    while traceback.tb_next is not None:
        traceback = traceback.tb_next
    return traceback.tb_frame.f_code.co_code[traceback.tb_lasti] not in _RAISES


def _only_from_source(text: str, traceback: TracebackType | None) -> str:
    """Return the parts of a text that appear literally in the source of a function in the traceback."""
    is_ours = bytearray(len(text))
    for part in _known(tuple(_codes(traceback))):
        at = text.find(part)
        while at >= 0:
            is_ours[at : at + len(part)] = b"\x01" * len(part)
            at = text.find(part, at + len(part))
    return "".join(text[run.start() : run.end()] if run[0][0] else LEFT_OUT for run in _RUN.finditer(is_ours))


def _codes(traceback: TracebackType | None) -> Iterator[CodeType]:
    while traceback is not None:
        yield traceback.tb_frame.f_code
        traceback = traceback.tb_next


@lru_cache(maxsize=WAYS)
def _known(codes: tuple[CodeType, ...]) -> frozenset[str]:
    """Return the texts in the source of functions; of a ``%`` template, the parts between its placeholders."""
    texts = (constant for code in codes for constant in code.co_consts if isinstance(constant, str))
    parts = (part for text in texts for part in re.split(r"%[-#0 +]*\d*[a-z]|\{[^}]*\}", text))
    return frozenset(part for part in parts if len(part) >= SHORTEST)
