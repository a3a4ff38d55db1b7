"""Caching (RFC 9111) of responses to requests with a token."""

import re
from typing import Final

from tests.conformance.api import Api
from tests.conformance.rule import Level, expect, only_if, rule

SHARED: Final = frozenset({"public", "s-maxage"})
DIRECTIVE: Final = re.compile(r"""[!#$%&'*+.^_`|~0-9A-Za-z-]+(?:=(?:[!#$%&'*+.^_`|~0-9A-Za-z-]+|"[^"]*"))?""")


def _directives(header: str) -> dict[str, str]:
    return {name.strip().lower(): value for name, _, value in (each.partition("=") for each in header.split(","))}


@rule(
    "S01",
    "Responses to requests with a token are not offered to shared caches.",
    source="RFC 9111 §3.5",
    level=Level.MEANS,
)
def private(api: Api) -> str:
    only_if(api.profile.token, "no token")
    path = api.path_of(api.created()) or api.path
    for each in (api.path, path):
        value = api.get(each).get("Cache-Control") or ""
        expect(not SHARED & set(_directives(value)), f"{each}: Cache-Control: {value}")
    return f"Cache-Control: {value}" if value else "no Cache-Control, which means no shared cache"


@rule("S02", "Cache-Control is a list of directives, and ages are whole seconds.", source="RFC 9111 §5.2, §1.2.2")
def syntax(api: Api) -> str:
    found = 0
    for path in (*api.readable(), api.unknown):
        header = api.get(path).get("Cache-Control")
        for each in (header or "").split(",") if header else ():
            found += 1
            name, _, value = each.strip().partition("=")
            expect(DIRECTIVE.fullmatch(each.strip()), f"{path}: {header}")
            expect("age" not in name.lower() or value.strip('"').isdigit(), f"{path}: {value}")
    only_if(found, "no Cache-Control")
    return f"{found} directives"


@rule("S03", "A 401 is not offered to caches.", source="RFC 9111 §3", level=Level.MEANS)
def rejection(api: Api) -> str:
    only_if(api.profile.token, "no token")
    answer = api.get(api.path, token="")
    value = _directives(answer.get("Cache-Control") or "")
    is_kept = SHARED & set(value) or value.get("max-age", "0") != "0" or answer.get("Expires") not in {None, "0", "-1"}
    expect(not is_kept, f"{answer.line} with Cache-Control: {answer.get('Cache-Control')}")
    return f"Cache-Control: {answer.get('Cache-Control')}"
