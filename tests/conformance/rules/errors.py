"""Errors: their explanations, and the form of problem documents (RFC 9457), for APIs that send those."""

from typing import Final
from urllib.parse import urlsplit

from tests.conformance.api import Api
from tests.conformance.rule import Level, answered, expect, only_if, rule
from tests.conformance.wire import Answer

PROBLEM: Final = "application/problem+json"
TYPES: Final = {"type": str, "title": str, "status": int, "detail": str, "instance": str}


def _errors(api: Api) -> list[Answer]:
    """Return some errors: 404, 405, and the responses to broken and invalid bodies."""
    asked = [api.get(api.unknown), api.send("PUT", api.path), api.post(b"{"), api.post(b"[]")]
    asked.append(api.post(api.profile.body(), {"Content-Type": "application/x-conformance"}))
    if api.profile.invalid:
        asked.append(api.post(api.profile.body(template=api.profile.invalid)))
    return [answer for answer in asked if answer.status >= 400]


def _problems(api: Api) -> list[Answer]:
    found = [answer for answer in _errors(api) if answer.media_type == PROBLEM]
    only_if(found, f"no {PROBLEM}")
    return found


@rule(
    "E01",
    "Client errors have an explanation in the content (401 and 403 may have it in the challenge, RFC 6750 §3).",
    source="RFC 9110 §15.5",
    level=Level.SHOULD,
)
def explained(api: Api) -> str:
    for answer in _errors(api):
        expect(answer.body or answer.status in {401, 403}, f"{answer.line} without content")
    return f"{len(_errors(api))} errors with content"


@rule("E02", "The status in a problem document is that of the answer.", source="RFC 9457 §3.1.2")
def same_status(api: Api) -> str:
    for answer in _problems(api):
        value = answer.document.get("status", answer.status)
        expect(value == answer.status, f"{answer.line} contains {value}")
    return "equal"


@rule("E03", "Members of problem documents have their types.", source="RFC 9457 §3.1", level=Level.MEANS)
def members(api: Api) -> str:
    for answer in _problems(api):
        expect(answer.document, f"{answer.line}: no JSON object")
        for name, kind in TYPES.items():
            value = answer.document.get(name, kind())
            expect(isinstance(value, kind), f"{answer.line}: {name} is {value!a}")
    return ", ".join(TYPES)


@rule("E04", "The type of a problem leads to its documentation.", source="RFC 9457 §3.1.1", level=Level.SHOULD)
def documented(api: Api) -> str:
    for answer in _problems(api):
        parts = urlsplit(str(answer.document.get("type", "")))
        only_if(parts.scheme in {"http", "https"} or parts.path.startswith("/"), "types are not locators")
        only_if(parts.netloc in {"", api.server.authority}, f"types are documented on {parts.netloc}")
        page = api.get(parts.path.removeprefix(api.server.prefix), {"Accept": "text/html"}, token="")
        answered(page, 200, to=f"GET {parts.path}")
    return "200"


@rule("E05", "The title of a problem type is the same each time.", source="RFC 9457 §3.1.3", level=Level.SHOULD)
def same_title(api: Api) -> str:
    titles: dict[object, object] = {}
    others = [
        answer for answer in (api.get(f"{api.unknown}-other"), api.post(b"nonsense")) if answer.media_type == PROBLEM
    ]
    for answer in [*_problems(api), *others]:
        kind, title = answer.document.get("type"), answer.document.get("title")
        expect(titles.setdefault(kind, title) == title, f"{kind}: {titles[kind]!a} and {title!a}")
    return f"{len(titles)} types"


@rule("E06", "An error page does not carry the markup of the request.", source="RFC 9110 §17.4", level=Level.MEANS)
def markup(api: Api) -> str:
    script = "<script>alert(1)</script>"
    target = script.replace("<", "%3C").replace(">", "%3E")
    for answer in (
        api.get(f"{api.unknown}/{target}"),
        api.get(f"{api.path}?{target}={target}"),
        api.post(api.profile.body(also=f'"{script}": 1')),
        api.post(f'{{"{script}'.encode()),
        api.get(api.path, {"Accept": f"{script}, text/html"}),
    ):
        is_page = answer.media_type in {"text/html", "application/xhtml+xml", "image/svg+xml", ""}
        expect(not (is_page and script.encode() in answer.body), f"{answer.line} as {answer.media_type or 'anything'}")
    return "never as HTML"
