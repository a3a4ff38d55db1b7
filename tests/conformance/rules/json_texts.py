"""JSON (RFC 8259): valid JSON is accepted, invalid JSON causes no server error, and responses are JSON."""

from typing import Final

from tests.conformance.api import Api
from tests.conformance.profile import unique
from tests.conformance.rule import Level, answered, expect, rule, unless_broken

DEEP: Final = 8_000


def _survives(api: Api, text: str | None = None, *, also: str = "", what: str) -> str:
    """Send an unusual body: neither its response nor the next list is a server error, and both are JSON, if any."""
    answer = api.post(api.profile.body(text=text, also=also))
    seen = unless_broken(answer, to=what)
    listed = api.get(api.path)
    answered(listed, 200, to=f"the list after {what}")
    for each in (answer, listed):
        if each.is_json and each.body:
            _read(each.body, each.json)
    return seen


def _read(body: bytes, parse: object) -> None:
    try:
        parse()  # type: ignore[operator]  # a bound method
    except ValueError as fault:
        expect(False, f"the answer is not JSON ({fault}): {body[:60]!a}")


@rule(
    "J01",
    "NaN and Infinity cause no server error, and never come back.",
    source="RFC 8259 §6, RFC 9110 §15.6",
    level=Level.MEANS,
)
def not_numbers(api: Api) -> str:
    for number in ("NaN", "Infinity", "-Infinity"):
        _survives(api, number, what=number)
        seen = _survives(api, also=f'"extra": {number}', what=f"extra {number}")
    return seen


@rule(
    "J02",
    "Numbers beyond every range cause no server error, and come back as numbers.",
    source="RFC 8259 §6, RFC 9110 §15.6",
    level=Level.MEANS,
)
def huge_numbers(api: Api) -> str:
    for name, number in (
        ("1e400", "1e400"),
        ("-1E+99999", "-1E+99999"),
        ("5,000 digits", "9" * 5000),
        ("2^64", str(2**64)),
    ):
        _survives(api, number, what=name)
        seen = _survives(api, also=f'"extra": {number}', what=f"extra {name}")
    return seen


@rule("J03", "A NUL in a string causes no server error.", source="RFC 8259 §7, RFC 9110 §15.6", level=Level.MEANS)
def nul(api: Api) -> str:
    _survives(api, f'"\\u0000{unique()}"', what="NUL in a text")
    return _survives(api, also='"a\\u0000b": 1', what="NUL in a name")


@rule(
    "J04",
    "Half a surrogate pair causes no server error, nor does the list afterwards.",
    source="RFC 8259 §8.2, RFC 9110 §15.6",
    level=Level.MEANS,
)
def surrogates(api: Api) -> str:
    for half in ("\\ud800", "\\udfff", "\\udc00\\ud800"):
        seen = _survives(api, f'"{half}{unique()}"', what=half)
    return _survives(api, also='"\\ud800": 1', what="in a name") and seen


@rule("J05", "A repeated name causes no server error.", source="RFC 8259 §4, RFC 9110 §15.6", level=Level.MEANS)
def duplicates(api: Api) -> str:
    return _survives(api, also='"extra": 1, "extra": 2, "\\u0065xtra": 3', what="a name twice")


@rule("J06", "Very deep nesting causes no server error.", source="RFC 8259 §9, RFC 9110 §15.6", level=Level.MEANS)
def nesting(api: Api) -> str:
    unless_broken(api.post(b"[" * DEEP), to="open brackets")
    return _survives(api, also=f'"extra": {"[" * DEEP}{"]" * DEEP}', what=f"{DEEP:,} lists")


@rule("J07", "A byte order mark causes no server error.", source="RFC 8259 §8.1, RFC 9110 §15.6", level=Level.MEANS)
def byte_order_mark(api: Api) -> str:
    return unless_broken(api.post(b"\xef\xbb\xbf" + api.profile.body()))


@rule("J08", "White space, escapes and the order of members make no difference.", source="RFC 8259 §9")
def spelling(api: Api) -> str:
    body = api.profile.body()
    answered(api.post(b" \t\r\n" + body.replace(b"{", b"{ \n\t") + b"\r\n "), 200, 201, 202, to="white space")
    name = body[body.index(b'"') + 1 :].split(b'"')[0]
    escaped = b"".join(b"\\u%04x" % byte for byte in name)
    return answered(api.post(api.profile.body().replace(name, escaped, 1)), 200, 201, 202, to="an escaped name")


@rule(
    "J09",
    "A pair of escaped surrogates is one character, and comes back as such.",
    source="RFC 8259 §7",
    level=Level.MEANS,
)
def pairs(api: Api) -> str:
    text = unique()
    answer = api.post(api.profile.body(text=f'"\\ud83d\\ude00{text}"'))
    answered(answer, 200, 201, 202)
    expect(f"\N{GRINNING FACE}{text}" in str(answer.document or answer.body), f"comes back as {answer.body[:60]!a}")
    return "one character"


@rule("J10", "Long texts cause no server error.", source="RFC 9110 §15.6", level=Level.MEANS)
def long_text(api: Api) -> str:
    return _survives(api, f'"{"x" * 12_000}"', what="12,000 letters")


@rule("J11", "Another type instead of a text is a client error.", source="RFC 9110 §15.5", level=Level.MEANS)
def other_types(api: Api) -> str:
    for value in ("1", "1.5", "true", "null", "[]", "{}"):
        answer = api.post(api.profile.body(text=value))
        seen = answered(answer, *range(200, 300), *range(400, 500), to=value)
    return seen
