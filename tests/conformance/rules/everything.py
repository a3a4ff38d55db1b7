"""Rules for every response of the run; judged last, on all recorded responses."""

import json
import re
from collections.abc import Callable
from http import HTTPStatus
from typing import Final

from tests.conformance.api import Api, Seen
from tests.conformance.rule import Level, expect, only_if, rule
from tests.conformance.wire import Answer

ALWAYS_ONE: Final = (
    "Age",
    "Content-Length",
    "Content-Location",
    "Content-Range",
    "Content-Type",
    "Date",
    "ETag",
    "Expires",
    "Last-Modified",
    "Location",
    "Retry-After",
)
DATE: Final = re.compile(
    r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), [0-3]\d (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d{4} "
    r"[0-2]\d:[0-5]\d:[0-6]\d GMT"
)
NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
VALUE: Final = re.compile(r"[\t\x20-\x7e\x80-\xff]*")


def _all(api: Api, applies: Callable[[Answer], object], otherwise: str) -> list[Seen]:
    found = [each for each in api.everything() if applies(each.answer)]
    only_if(found, otherwise)
    return found


def _each(found: list[Seen], holds: Callable[[Answer], object], says: Callable[[Answer], str]) -> str:
    for each in found:
        expect(
            holds(each.answer),
            f"{each.rule}: {each.method} {each.target[:40]}: {each.answer.line}, {says(each.answer)}",
        )
    return f"{len(found)} answers"


@rule("U01", "Every 2xx, 3xx and 4xx has Date, rejections included.", source="RFC 9110 §6.6.1", is_last=True)
def date(api: Api) -> str:
    found = _all(api, lambda answer: 200 <= answer.status < 500, "no answers")
    return _each(found, lambda answer: answer.get("Date"), lambda _: "without Date")


@rule("U02", "Date is an IMF-fixdate.", source="RFC 9110 §5.6.7", is_last=True)
def date_form(api: Api) -> str:
    found = _all(api, lambda answer: answer.get("Date"), "no Date")
    return _each(
        found, lambda answer: DATE.fullmatch(answer.get("Date") or ""), lambda answer: f"Date: {answer.get('Date')}"
    )


@rule("U03", "Content-Length is the length of the content.", source="RFC 9110 §8.6", is_last=True)
def length(api: Api) -> str:
    found = _all(api, lambda answer: answer.get("Content-Length") is not None, "no Content-Length")
    return _each(
        found,
        lambda answer: not answer.is_cut and not answer.surplus,
        lambda answer: f"not {answer.get('Content-Length')}",
    )


@rule(
    "U04",
    "204 has no content, and no Content-Length or Transfer-Encoding.",
    source="RFC 9110 §8.6, RFC 9112 §6.1",
    is_last=True,
)
def no_content(api: Api) -> str:
    found = _all(api, lambda answer: answer.status == 204, "no 204")
    return _each(
        found,
        lambda answer: not answer.surplus and not answer.all("Content-Length") and not answer.all("Transfer-Encoding"),
        lambda answer: f"Content-Length: {answer.get('Content-Length')}, {len(answer.surplus)} bytes",
    )


@rule("U05", "No answer has both Content-Length and Transfer-Encoding.", source="RFC 9112 §6.2", is_last=True)
def one_framing(api: Api) -> str:
    found = _all(api, lambda _: True, "no answers")
    return _each(
        found,
        lambda answer: not (answer.all("Content-Length") and answer.all("Transfer-Encoding")),
        lambda _: "with both",
    )


@rule("U06", "Fields with a single value occur once.", source="RFC 9110 §5.3", is_last=True)
def once(api: Api) -> str:
    found = _all(api, lambda _: True, "no answers")
    return _each(found, lambda answer: not _twice(answer), lambda answer: f"{', '.join(_twice(answer))} twice")


@rule(
    "U07", "Field names are tokens, and values have no control characters.", source="RFC 9110 §5.1, §5.5", is_last=True
)
def fields(api: Api) -> str:
    found = _all(api, lambda _: True, "no answers")
    return _each(found, lambda answer: not _odd(answer), lambda answer: f"{_odd(answer)!a}")


@rule("U08", "Content has a Content-Type.", source="RFC 9110 §8.3", level=Level.SHOULD, is_last=True)
def content_type(api: Api) -> str:
    found = _all(api, lambda answer: answer.body, "no content")
    return _each(found, lambda answer: answer.media_type, lambda _: "without Content-Type")


@rule("U09", "A body that is declared to be JSON is JSON in UTF-8.", source="RFC 8259 §8.1, §10", is_last=True)
def is_json(api: Api) -> str:
    found = _all(api, _has_json, "no JSON")
    return _each(found, lambda answer: _parses(answer.content), lambda answer: f"{answer.body[:40]!a}")


@rule("U10", "Names within a JSON object are unique.", source="RFC 8259 §4", level=Level.SHOULD, is_last=True)
def unique_names(api: Api) -> str:
    found = _all(api, lambda answer: _has_json(answer) and _parses(answer.content), "no JSON")
    return _each(found, _is_unique, lambda answer: f"{answer.body[:40]!a}")


@rule("U11", "Retry-After is a number of seconds or a date.", source="RFC 9110 §10.2.3", is_last=True)
def retry_after(api: Api) -> str:
    found = _all(api, lambda answer: answer.get("Retry-After"), "no Retry-After")
    return _each(found, _is_time, lambda answer: f"Retry-After: {answer.get('Retry-After')}")


def _has_json(answer: Answer) -> bool:
    """Return True if the response has a complete JSON text. The content of 206 is a part of one (RFC 9110, 15.3.7)."""
    return answer.is_json and bool(answer.body) and answer.status != HTTPStatus.PARTIAL_CONTENT


def _twice(answer: Answer) -> list[str]:
    return [name for name in ALWAYS_ONE if len(answer.all(name)) > 1]


def _odd(answer: Answer) -> list[str]:
    return [name for name, value in answer.fields if not (NAME.fullmatch(name) and VALUE.fullmatch(value))]


def _is_time(answer: Answer) -> bool:
    value = answer.get("Retry-After") or ""
    return (value.isascii() and value.isdigit()) or bool(DATE.fullmatch(value))


def _parses(body: bytes) -> bool:
    try:
        json.loads(body.decode("utf-8"), parse_constant=_reject, parse_int=str)
    except ValueError:
        return False
    return True


def _is_unique(answer: Answer) -> bool:
    try:
        answer.json()
    except ValueError:
        return False
    return True


def _reject(constant: str) -> None:
    raise ValueError(constant)
