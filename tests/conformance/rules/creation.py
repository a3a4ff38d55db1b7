"""Responses to creations (RFC 9110, sections 9.3.3 and 15.3.2)."""

import re
from typing import Final

from tests.conformance.api import Api
from tests.conformance.rule import Level, answered, expect, only_if, rejected, rule

REFERENCE: Final = re.compile(r"(?:[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})+")


@rule("R01", "A creation is 201.", source="RFC 9110 §9.3.3", level=Level.SHOULD)
def created(api: Api) -> str:
    return answered(api.created(), 201, 202)


@rule("R02", "201 carries Location.", source="RFC 9110 §9.3.3", level=Level.SHOULD)
def location(api: Api) -> str:
    answer = api.created()
    only_if(answer.status == 201, answer.line)
    expect(answer.get("Location"), "201 without Location")
    return f"Location: {answer.get('Location')}"


@rule("R03", "Location is one URI reference.", source="RFC 9110 §10.2.2")
def reference(api: Api) -> str:
    answer = api.created()
    only_if(answer.get("Location"), "no Location")
    value = answer.all("Location")
    expect(len(value) == 1 and REFERENCE.fullmatch(value[0]), f"Location: {value}")
    return value[0]


@rule("R04", "The URI in Location answers GET with 200.", source="RFC 9110 §15.3.2", level=Level.MEANS)
def found(api: Api) -> str:
    answer = api.created()
    only_if(answer.get("Location"), "no Location")
    path = api.path_of(answer)
    return answered(api.get(path or "/"), 200, to=f"GET {answer.get('Location')}"[:60])


@rule("R05", "A body that breaks a rule is a client error.", source="RFC 9110 §15.5", level=Level.MEANS)
def invalid(api: Api) -> str:
    only_if(api.profile.invalid, "no invalid body")
    return rejected(api.post(api.profile.body(template=api.profile.invalid)))


@rule("R06", "Creating an existing item is 409.", source="RFC 9110 §15.5.10", level=Level.MEANS)
def conflict(api: Api) -> str:
    only_if(api.profile.is_unique, "nothing need be unique")
    body = api.profile.body()
    api.post(body)
    return answered(api.post(body), 409)


@rule("R07", "A text beyond ASCII comes back as it was sent.", source="RFC 8259 §8.1", level=Level.MEANS)
def round_trip(api: Api) -> str:
    value = f"naïve \N{SNOWMAN} \N{GRINNING FACE} {api.unknown[-8:]}"
    answer = api.post(api.profile.body(text=f'"{value}"'))
    answered(answer, 200, 201, 202)
    path = api.path_of(answer)
    only_if(path, "the response to a creation does not contain the path of the item")
    document = api.get(path or "/").document
    expect(value in document.values() or value in str(document), f"another text comes back: {ascii(document)[:60]}")
    return "byte for byte"
