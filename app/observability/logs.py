"""Log entries as JSON, one per line. Names, email addresses, passwords, tokens and bodies are never logged."""

import logging
import sysconfig
import time
import traceback
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, Final, Protocol, TextIO

from app import errs, product, request_context
from app.observability import json_lines
from app.observability.error_coalescing import SharedEntries, SharedEntry
from app.observability.error_fields import facts_of, items_by_code, method, place
from app.observability.log_handler import NonBlockingHandler
from app.observability.redaction import redact_exception

ROOT: Final = product.logger()
ACCESS: Final = product.logger("access")
ERRORS: Final = product.logger("errors")
AUDIT: Final = product.logger("audit")
MAX_LISTED: Final = 20
"""The maximum number of violations in an entry."""
STANDARD_ERROR: Final = 2
PACKAGES: Final = "/site-packages/"
SOURCE_FOLDERS: Final = (f"{Path(__file__).resolve().parents[2]}/", f"{sysconfig.get_path('stdlib')}/")
"""The folders of this repository's source and of Python's standard library."""


@dataclass
class _State:
    """The state that can change while the process runs."""

    shows_stacks: bool = True


_state: Final = _State()
_OF_LOGGING: Final = vars(logging)
"""The globals of a logger's methods, unless they were patched, for example by Sentry's integration."""
_ORIGIN: Final = logging.LogRecord("", logging.NOTSET, __file__, 0, "", None, None)
_ORIGIN.__dict__.update(dict.fromkeys(("thread", "threadName", "process", "processName")))
"""The common attributes of all records; thread and process are left out because no entry contains them."""


Fields = Callable[[], Mapping[str, object]]
"""Collects the fields of an entry, which only some requests need."""


class Watcher(Protocol):
    """Receives the fields of each entry about a request, whatever the level. It must not raise."""

    def error(self, fields: Fields) -> None: ...  # noqa: D102
    def access(self, fields: Mapping[str, object]) -> None: ...  # noqa: D102


WATCHERS: Final[list[Watcher]] = []


class JsonFormatter(logging.Formatter):
    """Renders a record, the fields passed as ``extra={"fields": …}``, and the IDs of the request."""

    def format(self, record: logging.LogRecord) -> str:
        """Return one line of JSON."""
        line = _entry(record.created, record.levelname, record.name, record.getMessage(), getattr(record, "fields", {}))
        if record.exc_info and record.exc_info[1] is not None and "causes" not in line:
            line |= cause_chain(record.exc_info[1])
        return json_lines.rendered(line).decode()


def _entry(created: float, level: str, logger: str, message: str, fields: Mapping[str, object]) -> dict[str, object]:
    return {
        "timestamp": datetime.fromtimestamp(created, UTC),
        "level": level,
        "severity": level,
        "logger": logger,
        "message": message,
        "request_id": request_context.request_id.get(),
        "trace_id": request_context.trace_id.get(),
        **fields,
    }


@cache
def to_stderr() -> NonBlockingHandler:
    """Return the only handler of this process, which gunicorn's loggers share."""
    handler = NonBlockingHandler(STANDARD_ERROR)
    handler.setFormatter(JsonFormatter())
    return handler


def configure(level: str, stream: TextIO | None = None) -> None:
    """Send the entries of every logger, as JSON, to standard error or to the stream."""
    handler = logging.StreamHandler(stream) if stream else to_stderr()
    handler.setFormatter(JsonFormatter())
    root = logging.getLogger()
    for old in [each for each in root.handlers if isinstance(each.formatter, JsonFormatter)]:
        root.removeHandler(old)
    root.addHandler(handler)
    AUDIT.setLevel(logging.INFO)
    logging.getLogger("alembic.runtime.plugins").setLevel(logging.WARNING)
    set_level(level, shows_stacks=True)


def set_level(level: str, *, shows_stacks: bool) -> None:
    """Set the log level of this process, and whether entries have stacks.

    Libraries log at INFO or above only: their DEBUG messages may contain secrets.
    """
    _state.shows_stacks = shows_stacks
    ROOT.setLevel(level)
    logging.getLogger().setLevel(max(ROOT.level, logging.INFO))


def access(fields: dict[str, object]) -> None:
    """Log a finished request; method and path of a rejected one may be unknown."""
    fields["method"] = method(fields["method"])
    if ACCESS.isEnabledFor(logging.INFO):
        message = f"{fields['method'] or '-'} {fields['path'] or '-'} {fields['status']}"
        _write(ACCESS, logging.INFO, message, fields)
    for watcher in WATCHERS:
        watcher.access(fields)


def audit(message: str, fields: dict[str, object]) -> None:
    """Log an operator's change to the running service, whatever the level."""
    _write(AUDIT, logging.INFO, message, fields)


def error(
    exc: BaseException,
    shown: errs.Error,
    fields: dict[str, object],
    *,
    stack: bool,
    shared_by: Hashable | None = None,
) -> bool:
    """Log an error once: the returned error, and the details that were not returned.

    Return true if the error has its own entry.

    Args:
        exc: the raised exception, with its causes.
        shown: the returned error; ``INTERNAL_ERROR`` if it hides a bug.
        fields: the transport's fields, such as the status and the route.
        stack: true to add the traceback, unless stacks are disabled.
        shared_by: the address of the client, if errors with this code share an entry per second.
    """
    reported = exc if isinstance(exc, errs.Error) else shown
    entry = _ErrorEntry(exc, shown, fields, stack=stack)
    code = reported.code or errs.public_code(shown)
    same = {"status": fields.get("status"), "kind": reported.kind.string, "code": code}
    is_own = (
        shared_by is None
        or not _goes_to_stderr_alone(ERRORS)
        or _SHARED.is_first((shared_by, code), request_context.request_id.get(), same)
    )
    if is_own:
        kind, complete = reported.kind, entry()
        message = complete["causes"][0]["message"] if reported is exc else redact_exception(reported)
        level = kind.log_level if reported.fault is kind.fault and not reported.is_simulated else logging.WARNING
        _write(ERRORS, logging.ERROR if stack else level, message, complete, exc if stack else None)
    for watcher in WATCHERS:
        watcher.error(entry)
    return is_own


class _ErrorEntry:
    """The fields of an entry about an error, which are collected when they are needed."""

    def __init__(self, exc: BaseException, shown: errs.Error, fields: dict[str, object], *, stack: bool) -> None:
        self._exc, self._shown, self._fields, self._stack = exc, shown, fields, stack

    def __call__(self) -> dict[str, Any]:
        """Return the fields."""
        reported = self._exc if isinstance(self._exc, errs.Error) else self._shown
        kind, fault, fields = reported.kind, reported.fault, self._fields
        return {
            **fields,
            "method": method(fields.get("method")),
            "kind": kind.string,
            "fault": None if fault is kind.fault else fault.value,
            "code": reported.code or errs.public_code(self._shown),
            "param": reported.param,
            "violations": [f"{place(each)} {each.code}" for each in reported.violations[:MAX_LISTED]] or None,
            "items": items_by_code(reported.failures),
            "user": reported.user or fields.get("user"),
            "facts": facts_of(self._exc),
            **cause_chain(self._exc, stack=self._stack),
        }


def _write_shared(shared: SharedEntry) -> None:
    message = f"{shared.count} more such errors from the same address within a second"
    _write(ERRORS, logging.WARNING, message, shared.logged())


_SHARED: Final = SharedEntries(_write_shared)


def end() -> None:
    """Write the shared entries that are still pending; call this when the process ends."""
    _SHARED.end()


def partial_failure(failed: Sequence[tuple[int, errs.Error]], fields: dict[str, object]) -> None:
    """Log one entry about all failed items of a batch in which other items succeeded.

    Args:
        failed: the items by their indexes, with their errors.
        fields: the transport's fields.
    """
    fields |= {"method": method(fields.get("method")), "items": items_by_code(failed)}
    _write(ERRORS, logging.WARNING, f"{len(failed)} items of the batch failed.", fields)


def _write(
    logger: logging.Logger,
    level: int,
    message: str,
    fields: dict[str, object],
    exc: BaseException | None = None,
) -> None:
    """Log a message like the logger, but without finding the caller, which no entry contains.

    If standard error is the only output, as in production, no record is created.
    """
    if logger.isEnabledFor(level):
        if _goes_to_stderr_alone(logger):
            line = _entry(time.time(), logging.getLevelName(level), logger.name, message, fields)
            try:
                to_stderr().put(json_lines.rendered(line))
            except Exception:  # noqa: S110 -- the handler reports a field whose ``__str__`` raises, like for any record
                pass
            else:
                return
        record = logging.LogRecord.__new__(logging.LogRecord)
        now = time.time()
        record.__dict__ = {
            **_ORIGIN.__dict__,
            "name": logger.name,
            "levelno": level,
            "levelname": logging.getLevelName(level),
            "msg": message,
            "created": now,
            "msecs": now % 1 * 1000 // 1,
            "relativeCreated": _ORIGIN.relativeCreated + (now - _ORIGIN.created) * 1000,
            "fields": fields,
            "exc_info": None if exc is None else (type(exc), exc, exc.__traceback__),  # for other handlers
        }
        logger.handle(record)


def _goes_to_stderr_alone(logger: logging.Logger) -> bool:
    """Return true if no other handler, filter or formatter would receive a record."""
    handler, root = to_stderr(), ROOT.parent
    return (
        not (logger.handlers or logger.filters or ROOT.handlers or handler.filters)
        and logger.parent is ROOT
        and logger.propagate
        and ROOT.propagate
        and root is not None
        and root.handlers == [handler]
        and handler.level == logging.NOTSET
        and type(handler.formatter) is JsonFormatter
        and logging.Logger.handle.__globals__ is _OF_LOGGING
        and logging.Logger.callHandlers.__globals__ is _OF_LOGGING
    )


def cause_chain(exc: BaseException, *, stack: bool = True) -> dict[str, Any]:
    """Return the operations, causes and stack of an error, outermost first, with quoted values redacted."""
    chain: dict[str, Any] = {"op": errs.ops(exc) or None, "causes": [_cause(link) for link in errs.causes(exc)]}
    if stack and _state.shows_stacks:
        chain["stack"] = [
            f"{short_path(frame.filename)}:{frame.lineno} {frame.name}"
            for link in errs.causes(exc)
            for frame in traceback.extract_tb(link.__traceback__)
        ]
    return chain


def short_path(filename: str) -> str:
    """Return the short name of a file: relative to the repository, Python's library, or its package."""
    _, found, inside = filename.rpartition(PACKAGES)
    home = next(filter(filename.startswith, SOURCE_FOLDERS), "")
    return inside if found else filename.removeprefix(home)


def _cause(link: BaseException) -> dict[str, object]:
    cause: dict[str, object] = {"type": type(link).__qualname__, "message": redact_exception(link)}
    if isinstance(link, errs.Error) and link.__dict__.get("detail"):
        cause["detail"] = link.detail
    if not isinstance(link, errs.Error) and isinstance(sqlstate := getattr(link, "sqlstate", None), str):
        cause["sqlstate"] = sqlstate
    return cause
