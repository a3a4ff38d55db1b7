"""One JSON object a line. Names, mail addresses, passwords, tokens and bodies never enter a line."""

import logging
import sysconfig
import time
import traceback
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, Final, Protocol, TextIO

from app import context, errs, product
from app.observability import json_lines
from app.observability.error_fields import facts_of, items_by_code, method, place
from app.observability.log_handler import NonBlockingHandler
from app.observability.redaction import redact_exception
from app.observability.shared_entries import SharedEntries, SharedEntry

ROOT: Final = product.logger()
ACCESS: Final = product.logger("access")
ERRORS: Final = product.logger("errors")
AUDIT: Final = product.logger("audit")
MAX_LISTED: Final = 20
"""Violations named in a line."""
STANDARD_ERROR: Final = 2
PACKAGES: Final = "/site-packages/"
SOURCE_FOLDERS: Final = (f"{Path(__file__).resolve().parents[2]}/", f"{sysconfig.get_path('stdlib')}/")
"""Where our source is, and Python's own."""


@dataclass
class _State:
    """What can be changed while the process runs."""

    shows_stacks: bool = True


_state: Final = _State()
_OF_LOGGING: Final = vars(logging)
"""What the methods of a logger have as globals unless they were patched, as Sentry's integration does."""
_ORIGIN: Final = logging.LogRecord("", logging.NOTSET, __file__, 0, "", None, None)
_ORIGIN.__dict__.update(dict.fromkeys(("thread", "threadName", "process", "processName")))
"""What all our records have in common: of which thread or process they are, no line says."""


class Watcher(Protocol):
    """Is told what is written of requests, whatever the level: the fields of each line. It must not raise."""

    def error(self, fields: Mapping[str, object]) -> None: ...  # noqa: D102
    def access(self, fields: Mapping[str, object]) -> None: ...  # noqa: D102


WATCHERS: Final[list[Watcher]] = []


class JsonFormatter(logging.Formatter):
    """Renders a record, the fields that were passed as ``extra={"fields": …}``, and the ids of the request."""

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
        "request_id": context.request_id.get(),
        "trace_id": context.trace_id.get(),
        **fields,
    }


@cache
def to_stderr() -> NonBlockingHandler:
    """Return the one handler of this process, which gunicorn's loggers share."""
    handler = NonBlockingHandler(STANDARD_ERROR)
    handler.setFormatter(JsonFormatter())
    return handler


def configure(level: str, stream: TextIO | None = None) -> None:
    """Send every logger's lines, as JSON, to standard error, unless a stream is named."""
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
    """Have this process log from this level on, from now on, and stacks or none.

    Libraries never say more than at INFO: what they would say, nobody has read for secrets.
    """
    _state.shows_stacks = shows_stacks
    ROOT.setLevel(level)
    logging.getLogger().setLevel(max(ROOT.level, logging.INFO))


def access(fields: dict[str, object]) -> None:
    """Write the one line of a finished request; of a refused one, method and path may be unknown."""
    fields["method"] = method(fields["method"])
    message = f"{fields['method'] or '-'} {fields['path'] or '-'} {fields['status']}"
    _write(ACCESS, logging.INFO, message, fields)
    for watcher in WATCHERS:
        watcher.access(fields)


def audit(message: str, fields: dict[str, object]) -> None:
    """Write who changed what in how the service runs, whatever the level."""
    _write(AUDIT, logging.INFO, message, fields)


def error(
    exc: BaseException,
    shown: errs.Error,
    fields: dict[str, object],
    *,
    stack: bool,
    shared_by: Hashable | None = None,
) -> bool:
    """Write the one line of an error: what was shown of it, and everything that was not.

    Return whether it has one of its own.

    Args:
        exc: what was raised, with its causes.
        shown: the error that was answered; another one where a bug was hidden behind ``INTERNAL_ERROR``.
        fields: what the transport adds, such as the status and the route.
        stack: whether to add the traceback, unless it is switched off.
        shared_by: the address of the client, if errors with this code of the same second share a line.
    """
    reported = exc if isinstance(exc, errs.Error) else shown
    kind, fault, caused = reported.kind, reported.fault, cause_chain(exc, stack=stack)
    fields |= {
        "method": method(fields.get("method")),
        "kind": kind.string,
        "fault": None if fault is kind.fault else fault.value,
        "code": reported.code or errs.public_code(shown),
        "param": reported.param,
        "violations": [f"{place(each)} {each.code}" for each in reported.violations[:MAX_LISTED]] or None,
        "items": items_by_code(reported.failures),
        "user": reported.user or fields.get("user"),
        "facts": facts_of(exc),
        **caused,
    }
    is_own = shared_by is None or not _goes_to_stderr_alone(ERRORS) or _is_first(shared_by, fields)
    if is_own:
        message = caused["causes"][0]["message"] if reported is exc else redact_exception(reported)
        level = kind.log_level if fault is kind.fault and not reported.is_simulated else logging.WARNING
        _write(ERRORS, logging.ERROR if stack else level, message, fields, exc if stack else None)
    for watcher in WATCHERS:
        watcher.error(fields)
    return is_own


def _is_first(shared_by: Hashable, fields: Mapping[str, object]) -> bool:
    same = {name: fields.get(name) for name in ("status", "kind", "code")}
    return _SHARED.is_first((shared_by, same["code"]), context.request_id.get(), same)


def _write_shared(shared: SharedEntry) -> None:
    message = f"{shared.count} more such errors from the same address within a second"
    _write(ERRORS, logging.WARNING, message, shared.logged())


_SHARED: Final = SharedEntries(_write_shared)


def end() -> None:
    """Write what waits to be written together with more, as the process ends."""
    _SHARED.end()


def partial_failure(failed: Sequence[tuple[int, errs.Error]], fields: dict[str, object]) -> None:
    """Write the one entry about all items that failed of a batch of which others succeeded.

    Args:
        failed: the items by their indexes, with their errors.
        fields: what the transport adds.
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
    """Log a message as it is, as the logger would, but without looking for who calls: no line says it.

    Where standard error alone is written to, which is so in production, no record is made.
    """
    if logger.isEnabledFor(level):
        if _goes_to_stderr_alone(logger):
            line = _entry(time.time(), logging.getLevelName(level), logger.name, message, fields)
            try:
                to_stderr().put(json_lines.rendered(line))
            except Exception:  # noqa: S110 -- what the ``__str__`` of a field raises the handler says, as of any record
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
            "exc_info": None if exc is None else (type(exc), exc, exc.__traceback__),  # for handlers of others
        }
        logger.handle(record)


def _goes_to_stderr_alone(logger: logging.Logger) -> bool:
    """Return whether no handler, filter or formatter but our own would see a record."""
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
        and all(method.__globals__ is _OF_LOGGING for method in (logging.Logger.handle, logging.Logger.callHandlers))
    )


def cause_chain(exc: BaseException, *, stack: bool = True) -> dict[str, Any]:
    """Return the trail, the causes and where they were raised, outermost first, without the values that they quote."""
    chain: dict[str, Any] = {"op": errs.ops(exc) or None, "causes": [_cause(link) for link in errs.causes(exc)]}
    if stack and _state.shows_stacks:
        chain["stack"] = [
            f"{short_path(frame.filename)}:{frame.lineno} {frame.name}"
            for link in errs.causes(exc)
            for frame in traceback.extract_tb(link.__traceback__)
        ]
    return chain


def short_path(filename: str) -> str:
    """Return the name of a file as one looks for it: from our root, Python's library, or its package on."""
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
