"""Request targets (RFC 9112, section 3.2; RFC 3986): forms, spellings and lengths."""

from typing import Final

from tests.conformance.api import Api
from tests.conformance.rule import Level, NotApplicable, answered, expect, only_if, rule, unless_broken

HOSTILE: Final = (
    "//",
    "/%00",
    "/%ff%fe",
    "/%2e%2e/%2e%2e/etc/passwd",
    "/..;/x",
    "/a" * 300,
    "/%zz",
    "/?%ff=%00&&=&a[]=1",
    "/;x=1",
)


def _coded(path: str) -> str:
    """Return another spelling of a path: its last letter, percent-encoded."""
    place = max(index for index, character in enumerate(path) if character.isalpha())
    return f"{path[:place]}%{ord(path[place]):02x}{path[place + 1 :]}"


@rule("T01", "The absolute form of a target is equivalent to the path.", source="RFC 9112 §3.2.2")
def absolute_form(api: Api) -> str:
    target = f"{api.server.origin}{api.server.prefix}{api.path}"
    return answered(api.get(target), api.get(api.path).status, to="absolute-form")


@rule("T02", "An unreserved character may be percent-encoded.", source="RFC 3986 §6.2.2.2", level=Level.MEANS)
def percent_encoded(api: Api) -> str:
    path = _coded(api.path)
    return answered(api.get(path), api.get(api.path).status, to=f"GET {path}")


@rule("T03", "Every spelling of a protected path needs the token.", source="RFC 9110 §11.6.1", level=Level.MEANS)
def spellings(api: Api) -> str:
    only_if(api.profile.token, "no token")
    path = api.path
    for each in (_coded(path), f"/{path}", f"/.{path}", f"{path}/", f"{path}?", f"/x/..{path}", f"{path};a=1"):
        answer = api.get(each, token="")
        expect(answer.status >= 300, f"GET {each} without a token: {answer.line}")
    return "none is served"


@rule("T04", "A target longer than the server's limit is 414.", source="RFC 9112 §3")
def long_target(api: Api) -> str:
    path = f"{api.unknown}?a="
    short = api.get(path)
    for size in (70_000, 1_100_000):
        answer = api.get(path + "a" * size)
        if answer.status != short.status:
            return answered(answer, 414, to=f"{size:,} characters")
    raise NotApplicable("no limit below 1,100,000 characters")


@rule("T05", "Request lines of 8,000 octets are supported.", source="RFC 9112 §3", level=Level.SHOULD)
def supported_length(api: Api) -> str:
    path = f"{api.unknown}?a="
    line = len(f"GET {api.server.prefix}{path} HTTP/1.1")
    return answered(api.get(path + "a" * (8000 - line)), api.get(path).status)


@rule(
    "T06",
    "A request line with a space in its target is 400, or redirected.",
    source="RFC 9112 §3.2",
    level=Level.SHOULD,
)
def space(api: Api) -> str:
    return answered(api.get(f"{api.path} x"), 400, 301, 414)


@rule(
    "T07",
    "A target with a fragment is not a valid request target: 400, or redirected.",
    source="RFC 9112 §3.2",
    level=Level.SHOULD,
)
def fragment(api: Api) -> str:
    return answered(api.get(f"{api.path}#x"), 400, 301)


@rule("T08", "Unusual targets cause no server error.", source="RFC 9110 §15.6", level=Level.MEANS)
def hostile_targets(api: Api) -> str:
    for path in HOSTILE:
        unless_broken(api.get(path), to=f"GET {path[:40]}")
        unless_broken(api.get(api.path + path), to=f"GET {api.path}{path[:40]}")
    return f"{2 * len(HOSTILE)} targets"


@rule("T09", "An encoded line break in a target does not appear in a header field.", source="RFC 9110 §5.5")
def splitting(api: Api) -> str:
    for path in (
        f"/%0d%0aX-Split:%201{api.path}",
        f"{api.path}/%0d%0aX-Split:%201/",
        f"{api.path}?a=%0d%0aX-Split:%201",
    ):
        answer = api.get(path)
        expect(answer.get("X-Split") is None, f"GET {path} sets a header field")
    return "no field from a target"
