"""Reads failed requests from log files of any number of workers, compressed or not."""

import gzip
import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from app import product
from app.observability.failure_recorder import FailureEntry, joined

GZIP: Final = b"\x1f\x8b"
STDIN: Final = Path("-")
ACCESS, ERRORS, NGINX = f"{product.SLUG}.access", f"{product.SLUG}.errors", "nginx"
COMMON_FIELDS: Final = frozenset(("timestamp", "level", "severity", "logger", "message", "request_id", "trace_id"))


def occurrences(request_id: str, paths: Iterable[Path]) -> list[FailureEntry]:
    """Return the requests with this ID, newest first: failed ones with their error, and successful ones."""
    found, waiting = list[FailureEntry](), list[dict[str, Any]]()
    for line in _entries(request_id, paths):
        if line["logger"] == ERRORS:
            waiting.append(line)
        else:
            found.append(_entry(line, waiting.pop() if waiting else {}, line))
    found += [_entry(line, line, {}) for line in waiting]
    return sorted(found, key=lambda entry: entry.at, reverse=True)


def _entry(latest: dict[str, Any], error: dict[str, Any], access: dict[str, Any]) -> FailureEntry:
    fields = {name: value for name, value in joined(error, access).items() if name not in COMMON_FIELDS}
    return FailureEntry(
        latest["request_id"], datetime.fromisoformat(latest["timestamp"]), latest.get("trace_id"), fields
    )


def _entries(request_id: str, paths: Iterable[Path]) -> Iterator[dict[str, Any]]:
    """Yield the service's log entries with the ID; prefixes of other programs, such as journald, are skipped."""
    sought = request_id.encode()
    for path in paths:
        with _opened(path) as file:
            for raw in file:
                if sought in raw and (line := _parsed(raw)) and line.get("request_id") == request_id:
                    yield line


def _parsed(raw: bytes) -> dict[str, Any] | None:
    """Return an entry of the service, or of nginx about a rejected request; ``None`` for other or incomplete lines."""
    try:
        line: dict[str, Any] = json.loads(raw[raw.index(b"{") :])
        datetime.fromisoformat(line["timestamp"])
    except (ValueError, KeyError, TypeError):
        return None
    return line if line.get("logger") in {ACCESS, ERRORS, NGINX} else None


@contextmanager
def _opened(path: Path) -> Iterator[Iterable[bytes]]:
    if path == STDIN:
        yield sys.stdin.buffer
        return
    with path.open("rb") as file:
        is_packed = file.read(len(GZIP)) == GZIP
        file.seek(0)
        if not is_packed:
            yield file
            return
        with gzip.open(file) as unpacked:
            yield unpacked
