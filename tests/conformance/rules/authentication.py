"""Authentication (RFC 9110, section 11) and bearer tokens (RFC 6750). They apply where the profile has a token."""

import base64
import json
import re
from typing import Final

from tests.conformance.api import Api
from tests.conformance.rule import Level, answered, expect, only_if, rule
from tests.conformance.wire import Answer

TOKEN: Final = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
PARAMETER: Final = rf'{TOKEN}[ \t]*=[ \t]*(?:{TOKEN}|"(?:[^"\\]|\\.)*")'
CHALLENGE: Final = re.compile(rf"{TOKEN}(?: +(?:{PARAMETER}(?:[ \t]*,[ \t]*{PARAMETER})*|[A-Za-z0-9._~+/-]+=*))?")


def _without(api: Api) -> Answer:
    only_if(api.profile.token, "no token")
    return api.get(api.path, token="")


def _with_bad(api: Api) -> Answer:
    only_if(api.profile.token, "no token")
    return api.get(api.path, token="conformance.conformance.conformance")


def _attribute(answer: Answer, name: str) -> str | None:
    found = re.search(rf'\b{name}="?([^",]*)', answer.get("WWW-Authenticate") or "")
    return found[1] if found else None


@rule("A01", "Without credentials a protected path is 401 with WWW-Authenticate.", source="RFC 9110 §15.5.2")
def no_credentials(api: Api) -> str:
    answer = _without(api)
    answered(answer, 401)
    expect(answer.get("WWW-Authenticate"), "401 without WWW-Authenticate")
    return f"WWW-Authenticate: {answer.get('WWW-Authenticate')}"


@rule("A02", "The challenge is well-formed.", source="RFC 9110 §11.6.1")
def challenge(api: Api) -> str:
    for answer in (_without(api), _with_bad(api)):
        value = answer.get("WWW-Authenticate")
        only_if(value is not None, "no challenge")
        expect(CHALLENGE.fullmatch(value or ""), f"WWW-Authenticate: {value}")
    return f"{value}"


@rule("A03", "The challenge for bearer tokens has the scheme Bearer.", source="RFC 6750 §3")
def bearer(api: Api) -> str:
    value = _without(api).get("WWW-Authenticate") or "nothing"
    expect(value.split(" ")[0].lower() == "bearer", f"WWW-Authenticate: {value}")
    return value


@rule("A04", "A request without credentials gets no error code.", source="RFC 6750 §3.1", level=Level.SHOULD)
def no_error_code(api: Api) -> str:
    answer = _without(api)
    only_if(answer.get("WWW-Authenticate"), "no challenge")
    expect(_attribute(answer, "error") is None, f"WWW-Authenticate: {answer.get('WWW-Authenticate')}")
    return "no error attribute"


@rule("A05", "A token that was not issued is 401.", source="RFC 6750 §3.1", level=Level.SHOULD)
def bad_token(api: Api) -> str:
    return answered(_with_bad(api), 401)


@rule("A06", 'An invalid token gets error="invalid_token".', source="RFC 6750 §3", level=Level.SHOULD)
def invalid_token(api: Api) -> str:
    answer = _with_bad(api)
    expect(_attribute(answer, "error") == "invalid_token", f"WWW-Authenticate: {answer.get('WWW-Authenticate')}")
    return 'error="invalid_token"'


@rule("A07", "A token whose signature was changed is 401.", source="RFC 7515 §5.2")
def changed_token(api: Api) -> str:
    only_if(api.profile.token.count(".") == 2, "the token is not a JWS")
    place = max(len(api.profile.token) - 9, 0)
    other = "B" if api.profile.token[place] == "A" else "A"
    changed = api.profile.token[:place] + other + api.profile.token[place + 1 :]
    return answered(api.get(api.path, token=changed), 401)


@rule("A08", 'An unsigned token (alg "none") is 401.', source="RFC 8725 §3.1")
def unsigned_token(api: Api) -> str:
    parts = api.profile.token.split(".")
    only_if(len(parts) == 3, "the token is not a JWS")
    for algorithm in ("none", "None", "nOnE"):
        head = json.dumps({"alg": algorithm, "typ": "JWT"}).encode()
        forged = base64.urlsafe_b64encode(head).decode().rstrip("=")
        seen = answered(api.get(api.path, token=f"{forged}.{parts[1]}."), 401, to=algorithm)
    return seen


@rule("A09", "The scheme is not case-sensitive: bearer is Bearer.", source="RFC 9110 §11.1", level=Level.MEANS)
def scheme_case(api: Api) -> str:
    only_if(api.profile.token, "no token")
    for scheme in ("bearer", "BEARER"):
        answer = api.get(api.path, {"Authorization": f"{scheme} {api.profile.token}"})
        seen = answered(answer, 200, to=scheme)
    return seen


@rule("A10", "Credentials of an unsupported scheme are 401.", source="RFC 9110 §11.6.2", level=Level.MEANS)
def other_scheme(api: Api) -> str:
    only_if(api.profile.token, "no token")
    for credentials in ("Basic YTpi", "Conformance a=b", "Bearer", "Bearer  ", api.profile.token):
        seen = answered(api.get(api.path, {"Authorization": credentials}), 400, 401, to=credentials.split(" ")[0][:12])
    return seen


@rule("A11", "A token without the scope is 403.", source="RFC 6750 §3.1", level=Level.SHOULD)
def no_scope(api: Api) -> str:
    only_if(api.profile.token_without_scope, "no token without the scope")
    return answered(api.get(api.path, token=api.profile.token_without_scope), 403)


@rule("A12", 'A token without the scope gets error="insufficient_scope".', source="RFC 6750 §3.1", level=Level.SHOULD)
def insufficient_scope(api: Api) -> str:
    only_if(api.profile.token_without_scope, "no token without the scope")
    answer = api.get(api.path, token=api.profile.token_without_scope)
    expect(_attribute(answer, "error") == "insufficient_scope", f"WWW-Authenticate: {answer.get('WWW-Authenticate')}")
    return answer.get("WWW-Authenticate") or ""


@rule("A13", "HEAD and writing methods are protected like GET.", source="RFC 9110 §15.5.2", level=Level.MEANS)
def every_method(api: Api) -> str:
    only_if(api.profile.token, "no token")
    path, fields = api.item(), {"Content-Type": api.profile.content_type}
    for method in ("HEAD", *api.profile.item_methods):
        body = None if method in {"GET", "HEAD"} else b"{}"
        answered(api.send(method, path, fields, body, token=""), 401, 405, to=f"{method} without a token")
    return answered(api.send("POST", api.path, fields, api.profile.body(), token=""), 401, to="POST without a token")


@rule("A14", "Unusual credentials cause no server error.", source="RFC 9110 §15.6", level=Level.MEANS)
def strange_credentials(api: Api) -> str:
    only_if(api.profile.token, "no token")
    odd = (
        "eyJhbGciOiJIUzI1NiJ9.e30.",
        "a.b",
        "....",
        "=",
        "eyJhbGciOltdfQ.e30.e30",
        "eyJhbGciOiJIUzI1NiIsImtpZCI6e319.W10.AA",
        "\xe9\xff",
    )
    for token in odd:
        seen = answered(api.get(api.path, token=token), 400, 401, to=repr(token))
    return seen
