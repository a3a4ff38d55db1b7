"""Content negotiation (RFC 9110, sections 8 and 12) of responses and of request bodies."""

import gzip
from typing import Final

from tests.conformance.api import Api
from tests.conformance.rule import Level, NotApplicable, answered, expect, only_if, rule, unless_broken
from tests.conformance.wire import Answer

CREATED: Final = (200, 201, 202)
STRANGE: Final = (
    "*",
    ",",
    ";q=1",
    "a/b;q=2, */*",
    "application/json;q=x",
    "text/*;q=0.0001,*/json",
    "*/*;q=0",
    "/" * 500,
    "a/b," * 1000,
)


def _excluding(api: Api, accept: str = "application/x-conformance") -> Answer:
    return api.get(api.path, {"Accept": accept})


@rule(
    "N01", "An Accept that excludes all there is is 406, or disregarded.", source="RFC 9110 §12.5.1", level=Level.MEANS
)
def excluded(api: Api) -> str:
    return answered(_excluding(api), 406, 200)


@rule("N02", "406 lists the available types.", source="RFC 9110 §15.5.7", level=Level.SHOULD)
def not_acceptable(api: Api) -> str:
    answer, ordinary = _excluding(api), api.get(api.path)
    only_if(answer.status == 406, "Accept is disregarded")
    expect(ordinary.media_type.encode() in answer.body, f"{ordinary.media_type} is not named")
    return f"names {ordinary.media_type}"


@rule("N03", "q=0 excludes a type for servers that honour Accept.", source="RFC 9110 §12.4.2", level=Level.MEANS)
def zero(api: Api) -> str:
    only_if(_excluding(api).status == 406, "Accept is disregarded")
    ordinary = api.get(api.path).media_type
    answered(_excluding(api, f"{ordinary};q=0"), 406, to="q=0")
    return answered(_excluding(api, f"{ordinary};q=0, */*;q=0.5"), 406, to="q=0 beside */*")


@rule(
    "N04",
    "Wildcards, weights and parameters in Accept admit the types that they name.",
    source="RFC 9110 §12.5.1",
    level=Level.MEANS,
)
def admitted(api: Api) -> str:
    ordinary = api.get(api.path).media_type
    kind = ordinary.partition("/")[0]
    for accept in (
        "*/*",
        f"{kind}/*",
        f"text/x-no, {ordinary};q=0.1",
        "*/*;q=0.001",
        ordinary.upper(),
        f"text/x-no,,{kind}/* ;q=0.5",
    ):
        seen = answered(_excluding(api, accept), 200, to=f"Accept: {accept}")
    return seen


@rule("N05", "Unusual Accept fields cause no server error.", source="RFC 9110 §15.6", level=Level.MEANS)
def strange(api: Api) -> str:
    for value in STRANGE:
        for name in ("Accept", "Accept-Language", "Accept-Encoding", "Accept-Charset"):
            seen = unless_broken(api.get(api.path, {name: value}), to=f"{name}: {value[:30]}")
    return seen


@rule("N06", "With Accept-Encoding: identity nothing is encoded.", source="RFC 9110 §12.5.3", level=Level.SHOULD)
def identity(api: Api) -> str:
    for path in api.readable():
        answer = api.get(path, {"Accept-Encoding": "identity"})
        expect(answer.get("Content-Encoding") is None, f"{path}: Content-Encoding: {answer.get('Content-Encoding')}")
    return "no Content-Encoding"


@rule("N07", "A response that depends on Accept lists it in Vary.", source="RFC 9110 §12.5.5", level=Level.SHOULD)
def vary(api: Api) -> str:
    only_if(api.profile.negotiated, "no path that negotiates")
    answers = [api.get(api.profile.negotiated, {"Accept": accept}) for accept in ("text/html", "application/json")]
    only_if(answers[0].media_type != answers[1].media_type, "the same for each Accept")
    for answer in answers:
        expect(
            {each.lower() for each in answer.listed("Vary")} & {"accept", "*"},
            f"{answer.media_type}: Vary: {answer.get('Vary')}",
        )
    return f"Vary: {answer.get('Vary')}"


@rule("N08", "A response by Accept-Encoding lists it in Vary.", source="RFC 9110 §12.5.5", level=Level.SHOULD)
def vary_encoding(api: Api) -> str:
    for path in api.readable():
        answer = api.get(path, {"Accept-Encoding": "gzip"})
        if answer.get("Content-Encoding"):
            expect(
                {each.lower() for each in answer.listed("Vary")} & {"accept-encoding", "*"},
                f"Vary: {answer.get('Vary')}",
            )
            return f"Vary: {answer.get('Vary')}"
    raise NotApplicable("nothing is encoded")


@rule("N09", "JSON with charset=utf-8 is JSON.", source="RFC 8259 §11", level=Level.MEANS)
def charset(api: Api) -> str:
    return answered(
        api.post(api.profile.body(), {"Content-Type": f"{api.profile.content_type}; charset=utf-8"}), *CREATED
    )


@rule("N10", "Media types are not case-sensitive.", source="RFC 9110 §8.3.1", level=Level.MEANS)
def type_case(api: Api) -> str:
    return answered(api.post(api.profile.body(), {"Content-Type": api.profile.content_type.upper()}), *CREATED)


@rule(
    "N11",
    "An unsupported type is 415 or 400, not 422, which means that the type is understood.",
    source="RFC 9110 §15.5.16, §15.5.21",
    level=Level.MEANS,
)
def wrong_type(api: Api) -> str:
    for each in ("application/x-conformance", "text/plain", "application/xml", "application/x-www-form-urlencoded"):
        seen = answered(api.post(api.profile.body(), {"Content-Type": each}), *CREATED, 400, 415, to=each)
    return seen


@rule(
    "N12",
    "The type of a body without Content-Type is guessed, or the body is rejected; not 422.",
    source="RFC 9110 §8.3, §15.5.21",
    level=Level.MEANS,
)
def no_type(api: Api) -> str:
    return answered(api.post(api.profile.body(), {"Content-Type": ""}), *CREATED, 400, 415)


@rule("N13", "An unknown coding is not ignored.", source="RFC 9110 §8.4", level=Level.MEANS)
def coding(api: Api) -> str:
    return answered(api.post(api.profile.body(), {"Content-Encoding": "x-conformance"}), 400, 415)


@rule(
    "N14", "A gzipped body is decoded, or rejected for its coding: 415 or 400.", source="RFC 7694 §3", level=Level.MEANS
)
def gzipped(api: Api) -> str:
    return answered(api.post(gzip.compress(api.profile.body()), {"Content-Encoding": "gzip"}), *CREATED, 400, 415)


@rule("N15", "415 for a coding lists supported ones in Accept-Encoding.", source="RFC 9110 §15.5.16", level=Level.MEANS)
def supported_codings(api: Api) -> str:
    answer = api.post(api.profile.body(), {"Content-Encoding": "x-conformance"})
    only_if(answer.status == 415, f"answered {answer.line}")
    expect(answer.get("Accept-Encoding") is not None, "no Accept-Encoding")
    return f"Accept-Encoding: {answer.get('Accept-Encoding')}"


@rule("N16", "415 to a PATCH lists supported types in Accept-Patch.", source="RFC 5789 §2.2", level=Level.SHOULD)
def supported_patch_types(api: Api) -> str:
    only_if(api.profile.patch, "no PATCH")
    answer = api.patch(
        api.item(), api.profile.body(template=api.profile.patch), {"Content-Type": "application/x-conformance"}
    )
    only_if(answer.status == 415, f"answered {answer.line}")
    expect(answer.get("Accept-Patch"), "no Accept-Patch")
    return f"Accept-Patch: {answer.get('Accept-Patch')}"
