"""Conditional requests (RFC 9110, section 13). They apply where an item is answered with an ETag."""

import re
from typing import Final

from tests.conformance.api import Api
from tests.conformance.rule import Level, answered, expect, only_if, rule
from tests.conformance.wire import Answer

TAG: Final = re.compile(r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"')
KEPT: Final = ("Cache-Control", "Content-Location", "ETag", "Expires", "Vary")
SUCCESS: Final = (200, 202, 204)


def _patch(api: Api, path: str, match: str) -> Answer:
    only_if(api.profile.patch, "no PATCH")
    return api.patch(path, api.profile.body(template=api.profile.patch), {"If-Match": match})


def _strong(tag: str) -> str:
    only_if(not tag.startswith("W/"), "the ETag is weak")
    return tag


@rule("K01", "ETag is an entity tag in quotes.", source="RFC 9110 §8.8.3")
def syntax(api: Api) -> str:
    _, tag = api.tagged()
    expect(TAG.fullmatch(tag), f"ETag: {tag}")
    return f"ETag: {tag}"


@rule(
    "K02",
    "An ETag stays while nothing changes, and changes with the content.",
    source="RFC 9110 §8.8.1",
    level=Level.MEANS,
)
def validates(api: Api) -> str:
    path, tag = api.tagged()
    again = api.get(path)
    expect(again.get("ETag") == tag, f"{tag}, then {again.get('ETag')}, unchanged")
    if api.profile.patch:
        api.patch(path, api.profile.body(template=api.profile.patch))
        after = api.get(path)
        expect(after.body == again.body or after.get("ETag") != tag, f"{tag} before and after a change")
    return "as it should"


@rule("K03", "If-None-Match with the current tag is 304, for GET and HEAD.", source="RFC 9110 §13.1.2")
def not_modified(api: Api) -> str:
    path, tag = api.tagged()
    answered(api.send("HEAD", path, {"If-None-Match": tag}), 304, 405, to="HEAD")
    return answered(api.get(path, {"If-None-Match": tag}), 304, to="GET")


@rule("K04", "If-None-Match compares weakly, in lists too.", source="RFC 9110 §13.1.2")
def weak_comparison(api: Api) -> str:
    path, tag = api.tagged()
    weak = tag if tag.startswith("W/") else f"W/{tag}"
    answered(api.get(path, {"If-None-Match": weak}), 304, to=weak)
    return answered(api.get(path, {"If-None-Match": f'"conformance", {weak}'}), 304, to="in a list")


@rule("K05", "If-None-Match: * is 304 for an existing resource.", source="RFC 9110 §13.1.2")
def none_match_any(api: Api) -> str:
    path, _ = api.tagged()
    return answered(api.get(path, {"If-None-Match": "*"}), 304)


@rule("K06", "If-None-Match with other tags is 200.", source="RFC 9110 §13.1.2", level=Level.MEANS)
def modified(api: Api) -> str:
    path, tag = api.tagged()
    for other in ('"conformance"', f'"x{tag.removeprefix("W/")[1:]}', '"*"', '""'):
        seen = answered(api.get(path, {"If-None-Match": other}), 200, to=other)
    return seen


@rule("K07", "304 has the fields that 200 would have had.", source="RFC 9110 §15.4.5")
def kept_fields(api: Api) -> str:
    path, tag = api.tagged()
    whole, short = api.get(path), api.get(path, {"If-None-Match": tag})
    only_if(short.status == 304, f"answered {short.line}")
    for name in KEPT:
        expect(short.get(name) == whole.get(name), f"{name}: {whole.get(name)} on 200, {short.get(name)} on 304")
    return ", ".join(name for name in KEPT if whole.get(name))


@rule("K08", "304 has no content.", source="RFC 9110 §15.4.5")
def empty(api: Api) -> str:
    path, tag = api.tagged()
    answer = api.get(path, {"If-None-Match": tag})
    only_if(answer.status == 304, f"answered {answer.line}")
    expect(not answer.surplus, f"304 with {len(answer.surplus)} bytes")
    return "none"


@rule("K09", "If-Match with a tag that is no longer current writes nothing: 412.", source="RFC 9110 §13.1.1, §13.2.2")
def stale(api: Api) -> str:
    path, tag = api.tagged()
    answered(_patch(api, path, _strong(tag)), *SUCCESS, to="the first change")
    before = api.get(path)
    answer = _patch(api, path, tag)
    expect(api.get(path).body == before.body, f"{answer.line}, and the item has changed")
    return answered(answer, 412)


@rule(
    "K10",
    "If-Match with the current tag, alone or in a list, is performed.",
    source="RFC 9110 §13.1.1",
    level=Level.MEANS,
)
def current(api: Api) -> str:
    path, tag = api.tagged()
    answered(_patch(api, path, _strong(tag)), *SUCCESS, to=tag)
    tag = api.get(path).get("ETag") or ""
    return answered(_patch(api, path, f'"conformance", {tag}'), *SUCCESS, to="in a list")


@rule("K11", "If-Match: * is performed on an existing resource.", source="RFC 9110 §13.1.1", level=Level.MEANS)
def match_any(api: Api) -> str:
    path, _ = api.tagged()
    return answered(_patch(api, path, "*"), *SUCCESS)


@rule("K12", "A weak tag never satisfies If-Match.", source="RFC 9110 §13.1.1, §13.2.2")
def weak(api: Api) -> str:
    path, tag = api.tagged()
    return answered(_patch(api, path, f"W/{_strong(tag)}"), 412)


@rule("K13", "If-Match applies to DELETE as well.", source="RFC 9110 §13.1.1, §13.2.2")
def stale_delete(api: Api) -> str:
    only_if("DELETE" in api.profile.item_methods, "no DELETE")
    path, _ = api.tagged()
    answered(api.send("DELETE", path, {"If-Match": '"conformance"'}), 412)
    return answered(api.get(path), 200, to="GET after 412")


@rule(
    "K14", "A precondition on a missing resource changes nothing: 404, or 412 for If-Match.", source="RFC 9110 §13.2.1"
)
def missing(api: Api) -> str:
    only_if("DELETE" in api.profile.item_methods, "no DELETE")
    path, tag = api.tagged()
    api.send("DELETE", path)
    answered(api.get(path, {"If-None-Match": tag}), 404, 410, to="If-None-Match")
    return answered(_patch(api, path, "*"), 404, 410, 412, to="If-Match: *")


@rule("K15", "If-None-Match takes precedence over If-Modified-Since.", source="RFC 9110 §13.1.3")
def date_ignored(api: Api) -> str:
    path, _ = api.tagged()
    fields = {"If-None-Match": '"conformance"', "If-Modified-Since": "Fri, 01 Jan 2100 00:00:00 GMT"}
    return answered(api.get(path, fields), 200)


@rule("K16", "An invalid date in If-Modified-Since is ignored.", source="RFC 9110 §13.1.3")
def no_date(api: Api) -> str:
    for date in ("yesterday", "2026-01-01", "Fri, 99 Jan 2026 00:00:00 GMT"):
        seen = answered(api.get(api.item(), {"If-Modified-Since": date}), 200, to=date)
    return seen


@rule("K17", "If-Modified-Since is ignored for POST.", source="RFC 9110 §13.1.3")
def post(api: Api) -> str:
    fields = {"If-Modified-Since": "Fri, 01 Jan 2100 00:00:00 GMT"}
    return answered(api.post(api.profile.body(), fields), 200, 201, 202)


@rule("K18", "Invalid preconditions cause no server error.", source="RFC 9110 §15.6", level=Level.MEANS)
def garbage(api: Api) -> str:
    path = api.item()
    for value in ("abc", '"', "W/", '"a" "b"', ",", "*,*", "\xe9"):
        for method, name in (("GET", "If-None-Match"), ("GET", "If-Match"), ("PATCH", "If-Match"), ("GET", "If-Range")):
            if method in api.profile.item_methods:
                body = api.profile.body(template=api.profile.patch) if method == "PATCH" else None
                fields = {name: value, "Content-Type": api.profile.patch_type} if body else {name: value}
                seen = answered(api.send(method, path, fields, body), *range(200, 500), to=f"{name}: {value}")
    return seen
