"""One JSON object a line. Names, mail addresses, passwords, tokens and bodies never enter a line."""

import json
import logging
import sys
import traceback
from datetime import UTC, datetime
from typing import Final, TextIO

import orjson

from app import context, errs

ACCESS: Final = logging.getLogger("candor.access")
ERRORS: Final = logging.getLogger("candor.errors")
LISTED: Final = 20
"""Violations named in a line."""
LONGEST: Final = 500
"""Characters of a foreign exception's first line that are logged; the lines after it may hold row values."""


class JsonFormatter(logging.Formatter):
    """Renders a record, the fields that were passed as ``extra={"fields": …}``, and the ids of the request."""

    def format(self, record: logging.LogRecord) -> str:
        """Return one line of JSON."""
        line: dict[str, object] = {
            "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat().replace("+00:00", "Z"),
            "level": record.levelname,
            "severity": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            "request_id": context.request_id.get(),
            "trace_id": context.trace_id.get(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info and record.exc_info[1] is not None:
            line |= cause_chain(record.exc_info[1])
        present = {name: value for name, value in line.items() if value is not None}
        try:
            return orjson.dumps(present, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
        except TypeError:  # a lone surrogate, or an integer of more than 64 bits
            return json.dumps(present, default=str)


def configure(level: str, stream: TextIO | None = None) -> None:
    """Send every logger's lines, as JSON, to the stream (standard error unless another is named)."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonFormatter())
    root = logging.getLogger()
    for old in [each for each in root.handlers if isinstance(each.formatter, JsonFormatter)]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level)
    logging.getLogger("alembic.runtime.plugins").setLevel(logging.WARNING)


def access(fields: dict[str, object]) -> None:
    """Write the one line of a finished request; of a refused one, method and path may be unknown."""
    said = fields["method"] or "-", fields["path"] or "-", fields["status"]
    ACCESS.info("%s %s %s", *said, extra={"fields": fields})


def error(exc: BaseException, shown: errs.Error, fields: dict[str, object], *, stack: bool) -> None:
    """Write the one line of an error: what was shown of it, and everything that was not.

    Args:
        exc: what was raised, with its causes.
        shown: the error that was answered; another one where a bug was hidden behind ``INTERNAL_ERROR``.
        fields: what the transport adds, such as the status and the route.
        stack: whether to add the traceback.
    """
    said = exc if isinstance(exc, errs.Error) else shown
    level = logging.ERROR if stack else said.kind.log_level
    fields |= {
        "kind": said.kind.string,
        "code": said.code or shown.code,
        "param": said.param,
        "violations": [f"{each.field} {each.code}" for each in said.violations[:LISTED]] or None,
        "op": errs.ops(exc) or None,
        "user": said.user or fields.get("user"),
        "facts": _facts(exc),
        **cause_chain(exc, stack=stack),
    }
    ERRORS.log(level, "%s", _first_line(str(said)), extra={"fields": fields})


def cause_chain(exc: BaseException, *, stack: bool = True) -> dict[str, object]:
    """Return the causes, outermost first, and where they were raised, without the values that they quote."""
    chain: dict[str, object] = {"causes": [_cause(link) for link in errs.chain(exc)]}
    if stack:
        chain["stack"] = [
            f"{frame.filename}:{frame.lineno} {frame.name}"
            for link in errs.chain(exc)
            for frame in traceback.extract_tb(link.__traceback__)
        ]
    return chain


def _cause(link: BaseException) -> dict[str, object]:
    cause: dict[str, object] = {"type": type(link).__qualname__, "message": _first_line(str(link))}
    if isinstance(link, errs.Error) and link.__dict__.get("detail"):
        cause["detail"] = link.detail
    return cause


def _facts(exc: BaseException) -> dict[str, object] | None:
    facts: dict[str, object] = {}
    for link in errs.chain(exc):
        if isinstance(link, errs.Error):
            facts = {**link.facts, **facts}
    return facts or None


def _first_line(text: str) -> str:
    return text.partition("\n")[0][:LONGEST]
