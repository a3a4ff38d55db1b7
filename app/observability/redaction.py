"""What may be told of an exception's text: what stands in the source, and not the data that it was filled with.

Our own errors are made of fixed sentences and facts. Any other exception may quote a password, a row or a header field,
and nobody can tell from its text alone; but the source of what raised it can.
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
"""Characters of an exception's first line that are told; the lines after it may hold row values."""
LEFT_OUT: Final = "…"
WAYS: Final = 1024
"""Of which, through functions, it is remembered what texts are in their source."""
SHORTEST: Final = 3
"""Characters of a constant that is recognized; anything shorter is found everywhere."""
_QUOTED: Final = re.compile("""(["'`])(?:.*\\1|.*)""")
"""From the first quote to the last, or to where the text was cut: what is quoted may itself hold quotes."""
_QUOTED_NAME: Final = re.compile("""(["'`])(?:.*?\\1|.*)""")
_OF_NAMES: Final = (AttributeError, ImportError, NameError)
"""What these quote, when the interpreter raises them, are words of the source."""
_RUN: Final = re.compile(b"\x00+|\x01+")
"""Letters that are not from the source, or that are."""
_RAISES: Final = frozenset({dis.opmap["RAISE_VARARGS"], dis.opmap["RERAISE"]})


def redact_exception(exc: BaseException) -> str:
    """Return the text of an exception, without the data in it."""
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
    """Tell whether no ``raise`` raised it, but the interpreter or a library of its: they put data between quotes."""
    if traceback is None:
        return False
    while traceback.tb_next is not None:
        traceback = traceback.tb_next
    return traceback.tb_frame.f_code.co_code[traceback.tb_lasti] not in _RAISES


def _only_from_source(text: str, traceback: TracebackType | None) -> str:
    """Return those parts of a text that stand as they are in the source of a function that it passed."""
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
    """Return the texts in the source of functions; of a ``%`` template, what stands between its places."""
    texts = (constant for code in codes for constant in code.co_consts if isinstance(constant, str))
    parts = (part for text in texts for part in re.split(r"%[-#0 +]*\d*[a-z]|\{[^}]*\}", text))
    return frozenset(part for part in parts if len(part) >= SHORTEST)
