"""Common parts of the contract's rules: a problem document, and the form of every problem document of Candor."""

import contextlib
from collections.abc import Callable
from typing import Any, Final

from tests.conformance.api import Api
from tests.conformance.rule import Check, Level, NotApplicable, expect, rule
from tests.conformance.wire import Answer

ALWAYS: Final = ("type", "title", "status", "kind", "code", "request_id", "timestamp", "retryable")
PROBLEM: Final = "application/problem+json"
NO_UUID: Final = "00000000-0000-4000-8000-000000000000"


def promise(name: str, sentence: str, *, source: str = "", is_last: bool = False) -> Callable[[Check], Check]:
    """Register a function as a rule of the contract; its number is its name's, up to the dot."""
    return rule(
        name, sentence, source=source or f"contract {name.partition('.')[0]}", level=Level.CONTRACT, is_last=is_last
    )


def problem(answer: Answer, status: int, code: str, *, to: str = "") -> str:
    """Fail the rule unless the response is the problem document with this code; return the observation."""
    document, prefix = answer.document, f"{to}: " if to else ""
    seen = f"{prefix}{answer.line} {document.get('code', answer.media_type)}"
    expect(answer.status == status and document.get("code") == code, seen)
    expect(answer.media_type == PROBLEM, f"{seen} as {answer.media_type}")
    return seen


def is_malformed(answer: Answer) -> bool:
    """Return True if the response is that to malformed HTTP, possibly sent by a proxy."""
    return answer.status == 400 and answer.document.get("code") == "MALFORMED_REQUEST"


def violations(answer: Answer, *, to: str = "") -> dict[str, list[str]]:
    """Return the codes of all violations by field; fail the rule when the answer is another."""
    problem(answer, 400, "VALIDATION_FAILED", to=to)
    found: dict[str, list[str]] = {}
    for each in answer.document.get("errors", []):
        found.setdefault(each["field"], []).append(each["code"])
    return found


def errors(api: Api) -> list[Answer]:
    """Return an error of each kind that a request can cause, except 401 and 403, if HTTP's version can express it."""
    item = f"{api.path}/{NO_UUID}"
    wrong_type = {"Content-Type": "text/plain"}
    return [
        api.get(api.unknown),
        api.get(item),
        api.send("BREW", api.path),
        api.get(api.path, {"Accept": "text/x-no"}),
        api.post(b"{}", wrong_type),
        api.post(b"{"),
        api.post(b""),
        api.post(b"[]"),
        api.get(f"{api.path}?colour=red"),
        api.get(f"{api.path}?page_token=x"),
        api.get(f"{api.path}?filter=x"),
        api.patch(api.item(), b"{}", {"If-Match": '"0-00000000"'}),
        *if_expressible(lambda: api.exchange(b"GARBAGE\r\n\r\n")),
        *if_expressible(lambda: api.get(f"/{'a' * 70_000}")),
        *if_expressible(lambda: api.get("/", {"X-Long": "a" * 70_000})),
    ]


def if_expressible(send: Callable[[], Answer]) -> list[Answer]:
    """Return the response, or nothing where HTTP/2 has no such request, or no response to it."""
    with contextlib.suppress(NotApplicable):
        return [send()]
    return []


def members(answer: Answer) -> dict[str, Any]:
    """Return the resource in an answer; fail the rule when there is none."""
    expect(200 <= answer.status < 300 and answer.document, answer.line)
    return answer.document
