"""Verdicts on responses (answered, rejected properly, failed), and the conclusion that a write's client may draw."""

import json
import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final

from tests.drill.http_client import Answer
from tests.response_checks import LEAKS, REQUIRED

BUDGET: Final = 10.0
GRACE: Final = 0.5
"""Seconds that a response may come after its budget (C23)."""
EXPECTED: Final[Mapping[str, frozenset[str]]] = {
    "get": frozenset({"200"}),
    "list": frozenset({"200"}),
    "keyed": frozenset({"201", "IDEMPOTENCY_IN_PROGRESS"}),
    "unkeyed": frozenset({"201"}),
    "patch": frozenset({"200", "PRECONDITION_FAILED"}),
    "batch": frozenset({"200"}),
    "heavy": frozenset({"200", "RATE_LIMIT_EXCEEDED"}),
}
"""The expected responses of a healthy service per kind of request: a status, or the code of a problem."""
DOUBT: Final = "may or may not have been made"
REJECTIONS: Final = frozenset({503, 504, 507})


class Verdict(StrEnum):
    """The outcome of a request."""

    ANSWERED = "answered"
    REJECTED = "rejected"
    FAILED = "failed"


class Outcome(StrEnum):
    """The conclusion that a client may draw about its write."""

    ACKNOWLEDGED = "acknowledged"
    REJECTED = "rejected"
    UNKNOWN = "unknown"


def judge(kind: str, answer: Answer) -> tuple[Verdict, str]:
    """Return the verdict on a request of this kind, and the reason when it was rejected or has failed."""
    if answer.status == 0:
        return Verdict.FAILED, f"no answer: {answer.body.decode()}"
    if answer.seconds > BUDGET + GRACE:
        return Verdict.FAILED, f"{answer.status} after {answer.seconds:.1f} s"
    if answer.status < 300:
        is_expected = str(answer.status) in EXPECTED[kind]
        return (Verdict.ANSWERED, "") if is_expected else (Verdict.FAILED, f"{kind}: {answer.status}")
    document, fault = problem(answer)
    if fault:
        return Verdict.FAILED, f"{answer.status}: {fault}"
    if answer.status in REJECTIONS:
        by = "" if "instance" in document else " of nginx"
        return Verdict.REJECTED, f"{answer.status} {document['code']}{by}"
    if document["code"] in EXPECTED[kind]:
        return Verdict.ANSWERED, ""
    return Verdict.FAILED, f"{kind}: {answer.status} {document['code']}"


def problem(answer: Answer) -> tuple[dict[str, Any], str]:
    """Return the problem document, and its violations of the contract (C1–C4, C22)."""
    try:
        document = answer.json
    except ValueError:
        return {}, f"no problem document: {answer.body[:80]!r}"
    needed = [name for name in REQUIRED if name != "instance" and name not in document]  # nginx does not add it
    wait = answer.header("Retry-After")
    faults = {
        f"without {needed}": bool(needed),
        "of another type": answer.header("Content-Type") != "application/problem+json",
        "of another status": document.get("status") != answer.status,
        "without the request id": document.get("request_id") != answer.header("X-Request-Id"),
        "that may be stored": answer.header("Cache-Control") != "no-store",
        f"Retry-After: {wait!r}": not re.fullmatch("[1-9]|[1-5][0-9]|60", wait) if answer.status == 503 else False,
        "that leaks": LEAKS.search(json.dumps(document)) is not None,
    }
    return document, "; ".join(f"a problem document {what}" for what, is_so in faults.items() if is_so)


def outcome(answer: Answer) -> Outcome:
    """Return the conclusion that the client of a write may draw; 503 and 504 of the service state if it is open."""
    if 200 <= answer.status < 300:
        return Outcome.ACKNOWLEDGED
    if 400 <= answer.status < 500:
        return Outcome.REJECTED
    document, _ = problem(answer)
    is_definite = "instance" in document and DOUBT not in str(document.get("detail", ""))
    is_definite = is_definite and answer.status in REJECTIONS
    return Outcome.REJECTED if is_definite else Outcome.UNKNOWN
