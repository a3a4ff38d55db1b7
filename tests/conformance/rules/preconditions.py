"""Combined preconditions, and preconditions on unusual methods (RFC 9110, section 13.2)."""

from typing import Final

from tests.conformance.api import Api, Fields
from tests.conformance.rule import Level, answered, expect, only_if, rule
from tests.conformance.wire import Answer

SUCCESS: Final = (200, 202, 204)
OTHER: Final = '"conformance"'
LONG_AGO: Final = "Sat, 01 Jan 2000 00:00:00 GMT"
NO_DATES: Final = ("yesterday", "2000-01-01", "Sat, 99 Jan 2000 00:00:00 GMT")


def _patch(api: Api, path: str, fields: Fields) -> Answer:
    only_if(api.profile.patch, "no PATCH")
    return api.patch(path, api.profile.body(template=api.profile.patch), fields)


def _strong(api: Api) -> tuple[str, str]:
    path, tag = api.tagged()
    only_if(not tag.startswith("W/"), "the ETag is weak")
    return path, tag


def _held_back(api: Api, method: str, path: str, fields: Fields, to: str) -> str:
    """Fail the rule unless the method is 412 and nothing has changed."""
    before = api.get(path)
    answer = _patch(api, path, fields) if method == "PATCH" else api.send(method, path, fields)
    after = api.get(path)
    expect((after.status, after.body) == (before.status, before.body), f"{to}: {answer.line}, and the item has changed")
    return answered(answer, 412, to=to)


@rule("K19", "If-None-Match with the current tag prevents a change: 412.", source="RFC 9110 §13.1.2")
def none_match_change(api: Api) -> str:
    path, tag = api.tagged()
    weak = tag if tag.startswith("W/") else f"W/{tag}"
    _held_back(api, "PATCH", path, {"If-None-Match": f"{OTHER}, {weak}"}, "PATCH")
    only_if("DELETE" in api.profile.item_methods, "no DELETE")
    return _held_back(api, "DELETE", path, {"If-None-Match": tag}, "DELETE")


@rule("K20", "If-None-Match: * prevents a change of an existing resource: 412.", source="RFC 9110 §13.1.2")
def none_match_any(api: Api) -> str:
    path, _ = api.tagged()
    return _held_back(api, "PATCH", path, {"If-None-Match": "*"}, "PATCH")


@rule(
    "K21",
    "If-None-Match with other tags allows a change.",
    source="RFC 9110 §13.1.2, §13.2.2",
    level=Level.MEANS,
)
def none_match_other(api: Api) -> str:
    path, _ = api.tagged()
    return answered(_patch(api, path, {"If-None-Match": OTHER}), *SUCCESS)


@rule("K22", "If-Match with other tags is 412 for GET and HEAD, too.", source="RFC 9110 §13.1.1, §13.2.2")
def match_read(api: Api) -> str:
    path, tag = _strong(api)
    answered(api.send("HEAD", path, {"If-Match": OTHER}), 412, 405, to="HEAD")
    answered(api.get(path, {"If-Match": f"W/{tag}"}), 412, to="a weak tag")
    return answered(api.get(path, {"If-Match": OTHER}), 412, to="GET")


@rule(
    "K23", "If-Match with the current tag reads as if it were not there.", source="RFC 9110 §13.1.1", level=Level.MEANS
)
def match_current_read(api: Api) -> str:
    path, tag = _strong(api)
    for match in (tag, f"{OTHER}, {tag}", "*"):
        seen = answered(api.get(path, {"If-Match": match}), 200, to=match)
    return seen


@rule("K24", "If-Match is judged first, then If-None-Match.", source="RFC 9110 §13.2.2")
def order(api: Api) -> str:
    path, tag = _strong(api)
    answered(api.get(path, {"If-Match": tag, "If-None-Match": tag}), 304, to="the second fails")
    answered(api.get(path, {"If-Match": tag, "If-None-Match": OTHER}), 200, to="none fails")
    return answered(api.get(path, {"If-Match": OTHER, "If-None-Match": tag}), 412, to="the first fails")


@rule("K25", "If-Match takes precedence over If-Unmodified-Since.", source="RFC 9110 §13.1.4")
def match_beats_date(api: Api) -> str:
    path, tag = _strong(api)
    return answered(_patch(api, path, {"If-Match": tag, "If-Unmodified-Since": LONG_AGO}), *SUCCESS)


@rule("K26", "An invalid date in If-Unmodified-Since is ignored.", source="RFC 9110 §13.1.4")
def no_date(api: Api) -> str:
    path = api.item()
    for date in NO_DATES:
        seen = answered(_patch(api, path, {"If-Unmodified-Since": date}), *SUCCESS, to=date)
    return seen


@rule("K27", "Dates are ignored where there is no Last-Modified.", source="RFC 9110 §13.1.3, §13.1.4")
def no_modification_date(api: Api) -> str:
    path = api.item()
    only_if(api.get(path).get("Last-Modified") is None, "there is a Last-Modified")
    answered(api.get(path, {"If-Modified-Since": "Fri, 01 Jan 2100 00:00:00 GMT"}), 200, to="If-Modified-Since")
    answered(api.get(path, {"If-Unmodified-Since": LONG_AGO}), 200, to="If-Unmodified-Since")
    return answered(_patch(api, path, {"If-Unmodified-Since": LONG_AGO}), *SUCCESS, to="a change")


@rule("K28", "Several If-None-Match lines are one list.", source="RFC 9110 §5.2, §13.1.2", level=Level.MEANS)
def lines(api: Api) -> str:
    path, tag = api.tagged()
    for first, second in ((OTHER, tag), (tag, OTHER)):
        answer = api.get(path, {"If-None-Match": first, "if-none-match": second})
        only_if(answer.status != 400, "a repeated field is rejected")
        seen = answered(answer, 304)
    return seen
