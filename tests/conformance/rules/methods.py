"""Methods (RFC 9110, section 9): their existence, HEAD and OPTIONS, and the promises of Allow."""

from typing import Final

from tests.conformance.api import Api
from tests.conformance.rule import Failed, Level, answered, expect, only_if, rule
from tests.conformance.wire import Answer

COLLECTION: Final = frozenset({"GET", "POST"})
SAME: Final = ("Content-Type", "ETag", "Cache-Control", "Vary", "Content-Language", "Content-Encoding", "Last-Modified")


def _not_allowed(api: Api) -> Answer:
    """Return a 405, from the collection."""
    for method in ("PUT", "DELETE", "PATCH"):
        answer = api.send(method, api.path)
        if answer.status == 405:
            return answer
    raise Failed(f"PUT, DELETE and PATCH {api.path}: {answer.line}")


@rule("M01", "A path that nothing answers is 404.", source="RFC 9110 §15.5.5", level=Level.MEANS)
def unknown_path(api: Api) -> str:
    return answered(api.get(api.unknown), 404, 410)


@rule("M02", "A method that a path does not support is 405.", source="RFC 9110 §9.1", level=Level.SHOULD)
def wrong_method(api: Api) -> str:
    return _not_allowed(api).line


@rule("M03", "405 carries Allow.", source="RFC 9110 §15.5.6")
def allow(api: Api) -> str:
    answer = _not_allowed(api)
    only_if(answer.status == 405, answer.line)
    expect(answer.get("Allow") is not None, "405 without Allow")
    return f"Allow: {answer.get('Allow')}"


@rule("M04", "Allow on 405 lists the methods that the path supports.", source="RFC 9110 §15.5.6")
def allow_is_complete(api: Api) -> str:
    answer = _not_allowed(api)
    only_if(answer.get("Allow") is not None, "no Allow")
    expect(answer.listed("Allow") >= COLLECTION, f"Allow: {answer.get('Allow')}, where GET and POST work")
    return f"Allow: {answer.get('Allow')}"


@rule("M05", "A method in Allow is not answered 405.", source="RFC 9110 §10.2.1", level=Level.MEANS)
def allow_is_true(api: Api) -> str:
    listed = _not_allowed(api).listed("Allow") - {"CONNECT", "DELETE", "TRACE"}
    only_if(listed, "no Allow")
    for method in sorted(listed):
        body = None if method in {"GET", "HEAD", "OPTIONS"} else b""
        answer = api.send(method, api.path, body=body)
        expect(answer.status != 405, f"Allow lists {method}, which is answered {answer.line}")
    return f"{', '.join(sorted(listed))} are taken"


@rule("M06", "HEAD works where GET does, as it MUST on general-purpose servers.", source="RFC 9110 §9.1")
def head_works(api: Api) -> str:
    for path in api.readable():
        answered(api.send("HEAD", path), 200, to=f"HEAD {path}")
    return "200 where GET is 200"


@rule("M07", "No answer to HEAD has content, errors included.", source="RFC 9110 §9.3.2")
def head_is_empty(api: Api) -> str:
    for path in (*api.readable(), api.unknown):
        answer = api.send("HEAD", path)
        expect(not answer.surplus, f"HEAD {path}: {answer.line} with {len(answer.surplus)} bytes after it")
    return "no content"


@rule("M08", "HEAD has the status and the header fields of GET.", source="RFC 9110 §9.3.2", level=Level.SHOULD)
def head_is_like_get(api: Api) -> str:
    for path in (*api.readable(), api.unknown):
        got, headed = api.get(path), api.send("HEAD", path)
        only_if(headed.status not in {405, 501}, f"HEAD {path}: {headed.line}")
        expect(got.status == headed.status, f"{path}: GET {got.line}, HEAD {headed.line}")
        for name in SAME:
            expect(got.get(name) == headed.get(name), f"{path}: {name} is {got.get(name)} and {headed.get(name)}")
    return f"{', '.join(SAME[:4])} agree"


@rule("M09", "Content-Length on HEAD, where sent, is that of GET.", source="RFC 9110 §8.6")
def head_length(api: Api) -> str:
    lengths = []
    for path in api.readable():
        got, headed = api.get(path), api.send("HEAD", path)
        if headed.status == got.status and headed.get("Content-Length") is not None:
            expect(
                headed.get("Content-Length") == str(len(got.body)),
                f"{path}: {headed.get('Content-Length')}, GET has {len(got.body)}",
            )
            lengths.append(path)
    only_if(lengths, "HEAD returns no length")
    return f"on {len(lengths)} paths"


@rule("M10", "A successful OPTIONS lists the methods in Allow.", source="RFC 9110 §9.3.7", level=Level.SHOULD)
def options(api: Api) -> str:
    answer = api.send("OPTIONS", api.path)
    only_if(answer.status < 300, f"OPTIONS is answered {answer.line}")
    expect(answer.listed("Allow") >= COLLECTION, f"Allow: {answer.get('Allow')}, where GET and POST work")
    return f"Allow: {answer.get('Allow')}"


@rule("M11", "OPTIONS lists the types of PATCH in Accept-Patch.", source="RFC 5789 §3.1", level=Level.SHOULD)
def options_patch(api: Api) -> str:
    only_if(api.profile.patch, "no PATCH")
    answer = api.send("OPTIONS", api.item())
    only_if(answer.status < 300, f"OPTIONS is answered {answer.line}")
    expect(answer.get("Accept-Patch"), "no Accept-Patch")
    return f"Accept-Patch: {answer.get('Accept-Patch')}"


@rule("M12", "An unknown method is 501 or 405.", source="RFC 9110 §9.1", level=Level.SHOULD)
def unknown_method(api: Api) -> str:
    return answered(api.send("BREW", api.path), 405, 501)


@rule("M13", "Methods are case-sensitive: get is not GET.", source="RFC 9110 §9.1", level=Level.MEANS)
def lower_case(api: Api) -> str:
    return answered(api.send("get", api.path), 400, 405, 501)


@rule("M14", "TRACE does not send credentials back.", source="RFC 9110 §9.3.8", level=Level.SHOULD)
def trace(api: Api) -> str:
    answer = api.send("TRACE", api.path, {"Cookie": "sid=conformance-secret"}, token="conformance-token")
    expect(b"conformance-" not in answer.body, f"{answer.line}, with Cookie or Authorization in its content")
    return answer.line


@rule(
    "M15",
    "A DELETEd item is gone, and deleting it again causes no server error.",
    source="RFC 9110 §9.3.5",
    level=Level.MEANS,
)
def delete(api: Api) -> str:
    only_if("DELETE" in api.profile.item_methods, "no DELETE")
    path = api.item()
    first = api.send("DELETE", path)
    answered(first, 200, 202, 204, to="DELETE")
    answered(api.get(path), 404, 410, to="GET after it")
    return f"{first.line}, then {answered(api.send('DELETE', path), 200, 204, 404, 410, to='again')}"


@rule("M16", "PATCH is applied as a whole or not at all.", source="RFC 5789 §2")
def atomic_patch(api: Api) -> str:
    only_if(api.profile.patch_invalid, "no PATCH that breaks a rule")
    path = api.item()
    before = api.get(path)
    answer = api.patch(path, api.profile.body(template=api.profile.patch_invalid))
    only_if(answer.status >= 400, f"the bad PATCH is answered {answer.line}")
    expect(api.get(path).body == before.body, f"{answer.line}, and yet the item has changed")
    return f"{answer.line}, unchanged"
