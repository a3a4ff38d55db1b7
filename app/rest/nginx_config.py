"""What nginx answers by itself, and what it may send twice: ``problems.conf``, from the catalogue and the operations.

``flask errors nginx`` prints it. Whatever differs from request to request is a variable of nginx; the request's own
words are none of them.
"""

import json
import logging
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

import orjson
from flask import Flask

from app import errs
from app.errs import Outcome, platform, requests
from app.rest import mounting, operations, retry_safety
from app.rest.errors import RETRY, ProblemContext, headers_of, problem, status_of
from app.rest.hooks import cors, routing
from app.rest.operations import Operation

UNSETTLED: Final = frozenset({HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT})
"""The statuses with which nginx answers when a worker has failed that may have made a change."""
SENT: Final = r"~^once:.*\d"
"""A request that can make a change twice, and a time to connect: some of it may have reached a worker."""
IDEMPOTENT: Final = f"~^({'|'.join(sorted(retry_safety.IDEMPOTENT))}) "
SERVER_WIDE: Final = r"~^OPTIONS \* HTTP/1\.[01]$"
"""What asks for the methods of the whole service, and is no request to nginx (RFC 9112, section 3.2.4)."""
MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
VARIABLES: Final = ProblemContext(
    public_url="$app_public_url", instance=None, timestamp="$app_now", request_id="$app_request_id"
)
LIMIT: Final = "$app_body_limit"
_NUMBER: Final = 1_000_000_007
"""Stands for the limit until the document is written: a variable is not a number."""
ADVICE: Final = f',"retry":{orjson.dumps(RETRY).decode()}'
"""The member that advises how to retry, as it stands in a document."""
HEAD: Final = """\
# Made by `flask errors nginx` from the catalogue and the settings; do not edit. Make it anew when an error's texts,
# an operation that takes a body, an Idempotency-Key or If-Match, the path of PUBLIC_URL, CORS_ORIGINS, MAX_BODY_BYTES,
# REQUEST_TIMEOUT or LOG_CLIENT have changed.
"""


def rejections(*, max_body_bytes: int = _NUMBER, request_timeout: float) -> list[errs.Error]:
    """Return every error that nginx answers without asking the service."""
    return [
        requests.MalformedRequest(),
        requests.UnsupportedTransferCoding(),
        requests.BodyTooLarge(limit=max_body_bytes),
        requests.UriTooLong(),
        requests.HeaderFieldsTooLarge(),
        platform.InternalError(),
        platform.ServiceUnavailable(retry_after=1),
        platform.DeadlineExceeded(budget_ms=round(request_timeout * 1000), spent_in="service"),
    ]


def configuration(app: Flask) -> str:
    """Return the whole file."""
    answered = {status_of(error): error for error in rejections(request_timeout=app.config["REQUEST_TIMEOUT"])}
    by_status = {
        "app_problem": {
            status: _unsettled(
                orjson.dumps(problem(error, VARIABLES)).decode().replace(str(_NUMBER), LIMIT), error, status
            )
            for status, error in answered.items()
        },
        "app_code": {status: errs.definition(error).code for status, error in answered.items()},
        "app_kind": {status: error.kind.string for status, error in answered.items()},
        "app_level": {status: _level(error) for status, error in answered.items()},
        "app_retry_after": {status: _retry_after(error, status) for status, error in answered.items()},
    }
    parts = [_map("$status", name, _by_number(values)) for name, values in by_status.items()]
    origins = app.config["CORS_ORIGINS"]
    parts += [
        _map("$request", LIMIT[1:], limits(app), default=str(app.config["MAX_BODY_BYTES"])),
        _map("$uri", "app_keyed_sent", dict.fromkeys(_paths(app, _honours_keys), "again"), default="once"),
        *_repetition(app),
        _map("$request", "app_methods", {SERVER_WIDE: ", ".join(routing.methods(app))}),
        _map('""', "app_client", {}, default="$remote_addr" if app.config["LOG_CLIENT"] else ""),
        _map("$http_origin", "app_origin", {origin: origin for origin in origins}),
        _map("$http_origin", "app_exposed", dict.fromkeys(origins, cors.EXPOSED)),
    ]
    return "\n".join([HEAD, _now(), *parts])


def _honours_keys(method: str, operation: Operation) -> bool:
    return method == "POST" and requests.InvalidIdempotencyKey in operation.raises


def _reads_versions(method: str, operation: Operation) -> bool:
    return method not in retry_safety.IDEMPOTENT and requests.PreconditionFailed in operation.raises


def _paths(app: Flask, holds: Callable[[str, Operation], bool]) -> list[str]:
    """Return what matches the paths of some operations, decoded as nginx has them."""
    prefix = re.escape(mounting.prefix_of(app.config["PUBLIC_URL"]))
    return sorted({f"~^{prefix}{path}$" for _, path in _operations(app, holds)})


def _lines(app: Flask, holds: Callable[[str, Operation], bool]) -> list[str]:
    """Return what matches the request lines of some operations."""
    return sorted({f"~^{method} {_sent_prefix(app)}{path}[ ?]" for method, path in _operations(app, holds)})


def _operations(app: Flask, holds: Callable[[str, Operation], bool]) -> Iterator[tuple[str, str]]:
    patterns = _patterns(app)
    for (endpoint, method), operation in operations.table(app).items():
        if holds(method, operation):
            yield method, patterns[endpoint]


def limits(app: Flask) -> dict[str, str]:
    """Return the bytes of body that operations read, where these are fewer than nginx lets pass, by request line.

    What answers is a location of its own, to which the path that was asked for is lost.
    """
    largest = app.config["MAX_BODY_BYTES"]
    rules = _patterns(app)
    found = {
        f"~^{method} {_sent_prefix(app)}{rules[endpoint]}[? ]": str(operation.body_limit(largest))
        for (endpoint, method), operation in operations.table(app).items()
        if operation.consumes and operation.body_limit(largest) < largest
    }
    return dict(sorted(found.items(), key=lambda each: _order(each[0])))


def _order(line: str) -> tuple[str, int, str]:
    """Sort by method; lines that every resource has come last, so that ``flask new resource`` finds their place."""
    shared = re.fullmatch(r"\S+ (?:/\S+)?/v1/\w+(/\[\^/\? \]\+)?\[\? \]", line)
    return line.partition(" ")[0], 0 if shared is None else 2 if shared[1] else 1, line


def _patterns(app: Flask) -> dict[str, str]:
    """Return what matches the path of each endpoint, below the path of PUBLIC_URL."""
    return {rule.endpoint: re.sub("<[^>]+>", "[^/? ]+", rule.rule) for rule in app.url_map.iter_rules()}


def _sent_prefix(app: Flask) -> str:
    """Return what matches the path of PUBLIC_URL in a request line."""
    path: str = urlsplit(app.config["PUBLIC_URL"]).path
    return re.escape(path)


def _unsettled(document: str, error: errs.Error, status: HTTPStatus) -> str:
    """Return the document with variables where it depends on what was sent to a worker."""
    if status not in UNSETTLED:
        return document
    text = orjson.dumps(error.message).decode()
    document = document.replace(text, f'{text[:-1]}$app_doubt"').replace(ADVICE, "$app_advice")
    return document.replace('"retryable":true', '"retryable":$app_retryable')


def _repetition(app: Flask) -> list[str]:
    """Return the maps of whether a request may be sent again: as ``repetition`` has it, from the request line.

    An error page changes the method and the path that nginx knows, but not the request line.
    """
    lines = {
        IDEMPOTENT: "again",
        **dict.fromkeys(_lines(app, _reads_versions), "$app_with_version"),
        **dict.fromkeys(_lines(app, _honours_keys), "$app_with_key"),
    }
    sent = "$app_repetition:$upstream_connect_time"
    return [
        _map("$http_if_match", "app_with_version", {"": "once", "*": "once"}, default="again"),
        _map("$http_idempotency_key", "app_with_key", {"": "once"}, default="again"),
        _map("$request", "app_repetition", lines, default="once"),
        _map(sent, "app_retryable", {SENT: "false"}, default="true", is_volatile=True),
        _map(sent, "app_doubt", {SENT: Outcome.DOUBTFUL.value}, is_volatile=True),
        _map(sent, "app_advice", {SENT: ""}, default=ADVICE, is_volatile=True),
    ]


def _level(error: errs.Error) -> str:
    return logging.getLevelName(error.kind.log_level)


def _retry_after(error: errs.Error, status: HTTPStatus) -> str:
    return headers_of(error, status, method="GET").get("Retry-After", "")


def _by_number(values: Mapping[HTTPStatus, str]) -> dict[str, str]:
    return {str(status.value): value for status, value in values.items() if value}


def _now() -> str:
    """Return the map of the time in UTC: RFC 3339, from the only variable of nginx that is never local time."""
    months = {
        rf"~, (?<day>\d+)-{name}-(?<year>\d+) (?<time>[\d:]+)": f"$year-{number:02}-${{day}}T${{time}}Z"
        for number, name in enumerate(MONTHS, 1)
    }
    return _map("$date_gmt", "app_now", months)


def _map(source: str, target: str, values: Mapping[str, str], *, default: str = "", is_volatile: bool = False) -> str:
    lines: Iterable[str] = (f"    {_quoted(key)} {_quoted(value)};" for key, value in values.items())
    head = [f'map "{source}" ${target} {{' if ":" in source else f"map {source} ${target} {{"]
    head += ["    volatile;"] if is_volatile else []
    return "\n".join([*head, *lines, f"    default {json.dumps(default)};", "}", ""])


def _quoted(text: str) -> str:
    """Return the text as nginx reads it between single quotes; a dollar sign still begins a variable there."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
