"""``flask explain``: the cause of a failed request by its ID, from the failure store or from logs."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import click
import orjson
from flask import current_app
from flask.cli import with_appcontext

from app import errs
from app.cli import terminal
from app.cli.terminal import Failed
from app.errs.failed_requests import RequestNotFound
from app.observability import log_reader, redaction
from app.services.failed_requests import MAX_OCCURRENCES, Explanation
from app.wire.encoder import OPTIONS, Encoder
from app.wire.schemas.failed_requests import FailureExplanationSchema
from app.wire.timestamps import render
from app.wiring import Services

FRAMES: Final = 5
"""The number of innermost frames of the service's own code that are printed; ``--json`` has all."""


@click.command("explain")
@click.argument("request_id")
@click.option(
    "--log",
    "logs",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path),
    help="Read this log instead of the database: JSON lines, gzip or not, - for standard input. Repeatable.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the response of GET /v1/requests/REQUEST_ID.")
@with_appcontext
def explain(request_id: str, logs: tuple[Path, ...], as_json: bool) -> None:
    """Explain why a request failed and how to fix it, by its request ID."""
    found = _logged(request_id, logs) if logs else _recorded(request_id)
    if as_json:
        answer = Encoder(FailureExplanationSchema())({"request_id": request_id, "occurrences": found})
        terminal.json(orjson.dumps(answer, option=OPTIONS | orjson.OPT_INDENT_2))
        return
    for number, explanation in enumerate(found):
        terminal.lines(*([""] if number else []), *rendered(explanation))


def _recorded(request_id: str) -> list[Explanation]:
    services: Services = current_app.extensions["app-services"]
    try:
        return services.failures.explain(request_id)
    except RequestNotFound as error:
        raise Failed(f"{errs.title(type(error))} {errs.plain(error.operator)}") from None
    except errs.Error as error:
        cause = redaction.redact_exception(errs.root_cause(error))
        raise Failed(f"The failure store is unavailable: {cause}. `--log FILE` reads a log instead.") from None


def _logged(request_id: str, logs: tuple[Path, ...]) -> list[Explanation]:
    services: Services = current_app.extensions["app-services"]
    entries = log_reader.occurrences(request_id, logs)[:MAX_OCCURRENCES]
    if not entries:
        raise Failed(f"{', '.join(map(str, logs))} has no entry about the request {request_id}.")
    return [services.failures.explanation(entry) for entry in entries]


def rendered(explanation: Explanation) -> Iterator[str]:
    """Yield the lines that explain one request; unknown facts are left out."""
    yield explanation.outcome
    yield f"{explanation.method or '-'} {explanation.path or '-'}  (route {explanation.route or '-'})"
    took = f", after {explanation.duration_ms:g} ms" if explanation.duration_ms else ""
    yield f"{render(explanation.at)}{took}, request {explanation.request_id}"
    yield ""
    for label, text in _facts(explanation):
        if text:
            yield f"{label:<13} {text}"
    for label, lines in (("Causes", [*_causes(explanation)]), ("Raised at", _own_frames(explanation.stack))):
        for number, line in enumerate(lines):
            yield f"{'' if number else label:<13} {line}"
    if explanation.client:
        yield ""
        yield f"As a client:    {explanation.client}"
        yield f"As an operator: {explanation.operator}"
        yield f"Full entry:     flask errors explain {explanation.code}, or {explanation.catalogue}"


def _facts(what: Explanation) -> Iterator[tuple[str, str | None]]:
    yield "Requested by", what.user
    yield "Kind", f"{what.kind}, the fault of: {what.fault}" if what.kind else None
    yield "Parameter", what.param
    yield "Violations", ", ".join(what.violations)
    yield "Operations", " > ".join(what.op)
    yield "SQLSTATE", what.sqlstate
    yield "Facts", _pairs(what.facts)
    yield "Time spent", ", ".join(f"{stage} {spent:g} ms" for stage, spent in what.spent_ms.items())
    yield "Retries", _pairs(what.retries)
    yield "Breakers", _pairs(what.breakers)
    yield "Trace", what.trace_url or what.trace_id


def _pairs(values: Mapping[str, object]) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items() if value is not None)


def _own_frames(stack: Sequence[str]) -> Sequence[str]:
    """Return the frames of the service's own code; frames of installed packages contain a package path."""
    return [frame for frame in stack if frame.startswith("/")][-FRAMES:]


def _causes(what: Explanation) -> Iterator[str]:
    for cause in what.causes:
        extras = "; ".join(filter(None, (cause.detail, cause.sqlstate)))
        yield f"{cause.type}: {cause.message}" + (f"  ({extras})" if extras else "")
