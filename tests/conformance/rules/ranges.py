"""Ranges (RFC 9110, section 14): ignored, or correct."""

from tests.conformance.api import Api
from tests.conformance.rule import Level, answered, expect, rule


@rule("G01", "A range is ignored, or 206 with just that part and Content-Range.", source="RFC 9110 §14.2, §15.3.7.1")
def part(api: Api) -> str:
    path = api.item()
    whole, answer = api.get(path), api.get(path, {"Range": "bytes=2-5"})
    if answered(answer, 200, 206) and answer.status == 200:
        expect(answer.body == whole.body, "200 with another content")
        return "200, ignored"
    expect(
        answer.get("Content-Range") == f"bytes 2-5/{len(whole.body)}", f"Content-Range: {answer.get('Content-Range')}"
    )
    expect(answer.body == whole.body[2:6], "other bytes than requested")
    return "206"


@rule("G02", "A range in an unknown unit is ignored.", source="RFC 9110 §14.2")
def unknown_unit(api: Api) -> str:
    return answered(api.get(api.item(), {"Range": "conformance=0-5"}), 200)


@rule("G03", "A range on another method than GET is ignored.", source="RFC 9110 §14.2")
def other_method(api: Api) -> str:
    answer = api.post(api.profile.body(), {"Range": "bytes=0-5"})
    answered(answer, 200, 201, 202, to="POST")
    expect(answer.get("Content-Range") is None, f"Content-Range: {answer.get('Content-Range')}")
    return answer.line


@rule("G04", "416 and invalid ranges cause no server error.", source="RFC 9110 §15.6", level=Level.MEANS)
def strange(api: Api) -> str:
    path = api.item()
    for value in ("bytes=", "bytes=9-2", "bytes=-0", f"bytes={'0-1,' * 500}0-1", "bytes=99999999999999999999-", "x"):
        seen = answered(api.get(path, {"Range": value}), 200, 206, 400, 416, 431, to=value[:20])
    return seen
