"""What an answer is worth: answered, refused as it should be, or failed; and what a write's client may conclude."""

import json
import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final

from tests.drill.http_client import Answer
from tests.response_checks import LEAKS, REQUIRED

BUDGET: Final = 10.0
GRACE: Final = 0.5
"""Seconds that an answer may come after its budget (C23)."""
EXPECTED: Final[Mapping[str, frozenset[str]]] = {
    "get": frozenset({"200"}),
    "list": frozenset({"200"}),
    "keyed": frozenset({"201", "IDEMPOTENCY_IN_PROGRESS"}),
    "unkeyed": frozenset({"201"}),
    "patch": frozenset({"200", "PRECONDITION_FAILED"}),
    "batch": frozenset({"200"}),
    "greedy": frozenset({"200", "RATE_LIMIT_EXCEEDED"}),
}
"""What a healthy service may say to each kind of request: a status, or the code of a problem."""
DOUBT: Final = "may or may not have been made"
REFUSALS: Final = frozenset({503, 504, 507})


class Verdict(StrEnum):
    """How a request ended."""

    ANSWERED = "answered"
    REFUSED = "refused"
    FAILED = "failed"


class Outcome(StrEnum):
    """What a client may conclude about its write."""

    ACKNOWLEDGED = "acknowledged"
    REFUSED = "refused"
    UNKNOWN = "unknown"


def judge(kind: str, answer: Answer) -> tuple[Verdict, str]:
    """Return how a request of this kind ended, and why when it was refused or has failed."""
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
    if answer.status in REFUSALS:
        by = "" if "instance" in document else " of nginx"
        return Verdict.REFUSED, f"{answer.status} {document['code']}{by}"
    if document["code"] in EXPECTED[kind]:
        return Verdict.ANSWERED, ""
    return Verdict.FAILED, f"{kind}: {answer.status} {document['code']}"


def problem(answer: Answer) -> tuple[dict[str, Any], str]:
    """Return the problem document, and what the contract finds wrong with it (C1–C4, C22)."""
    try:
        document = answer.json
    except ValueError:
        return {}, f"no problem document: {answer.body[:80]!r}"
    needed = [name for name in REQUIRED if name != "instance" and name not in document]  # nginx does not name it
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
    """Return what the client of a write may conclude; 503 and 504 of the service say when it is open."""
    if 200 <= answer.status < 300:
        return Outcome.ACKNOWLEDGED
    if 400 <= answer.status < 500:
        return Outcome.REFUSED
    document, _ = problem(answer)
    is_definite = "instance" in document and DOUBT not in str(document.get("detail", ""))
    is_definite = is_definite and answer.status in REFUSALS
    return Outcome.REFUSED if is_definite else Outcome.UNKNOWN
