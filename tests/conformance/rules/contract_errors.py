"""The contract, section 1: problem documents, rejections without a body, precedence, and the catalogue."""

import re
from typing import Final
from urllib.parse import urlsplit

from tests.conformance.api import Api
from tests.conformance.rule import answered, expect, only_if
from tests.conformance.rules.promises import ALWAYS, PROBLEM, errors, is_malformed, promise, violations
from tests.conformance.wire import Answer

LEAKS: Final = re.compile(
    rb"Traceback|psycopg|sqlalchemy|SQLSTATE|SELECT |INSERT |\.py\b|site-packages|werkzeug|gunicorn|nginx"
)
TIMESTAMP: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z")
EMPTY: Final = frozenset({401, 403})


@promise("C1.1", "Every error but 401 and 403 is a problem document with all required members.")
def shape(api: Api) -> str:
    for answer in errors(api):
        expect(
            answer.status >= 400 and answer.get("Content-Type") == PROBLEM,
            f"{answer.line} as {answer.get('Content-Type')}",
        )
        missing = [name for name in ALWAYS if name not in answer.document]
        expect(not missing, f"{answer.line} {answer.document.get('code')} lacks {', '.join(missing)}")
        expect(answer.document["status"] == answer.status, f"{answer.line} contains {answer.document['status']}")
        expect(TIMESTAMP.fullmatch(answer.document["timestamp"]), f"timestamp: {answer.document['timestamp']}")
    return f"{len(errors(api))} errors"


@promise("C1.2", "401 and 403 have an empty body and Content-Length: 0.")
def empty(api: Api) -> str:
    asked = [
        api.get(api.path, token=""),
        api.get(api.path, token="x.y.z"),
        api.get(api.path, token=api.profile.token_without_scope),
    ]
    for answer in asked:
        expect(
            answer.status in EMPTY and not answer.body and answer.get("Content-Length") == "0",
            f"{answer.line}, {len(answer.body)} bytes",
        )
        expect(answer.get("Content-Type") is None, f"{answer.line} as {answer.media_type}")
    return "empty"


@promise("C1.3", "The type of every problem is an absolute URI that this service answers.")
def types(api: Api) -> str:
    for answer in errors(api):
        parts = urlsplit(answer.document.get("type", ""))
        slug = answer.document.get("code", "").lower().replace("_", "-")
        expect(
            parts.scheme in {"http", "https"} and parts.netloc and parts.path.endswith(f"/errors/{slug}"),
            f"type: {parts.geturl()}",
        )
        answered(api.get(f"/errors/{slug}", token=""), 200, to=f"/errors/{slug}")
    return "200 for each"


@promise("C1.4", "The type of a problem does not follow the request's Host.")
def host(api: Api) -> str:
    for path in (api.unknown, f"{api.path}?colour=red"):
        answer = api.get(path, {"Host": "evil.example"})
        expect(b"evil.example" not in answer.body + answer.head, f"{answer.line} repeats the Host")
    return "not repeated"


@promise("C2.1", "A body without violations is at most 4 KiB, for any request; at most 100 violations are listed.")
def size(api: Api) -> str:
    for answer in (api.get("/" + "é".encode().hex("%") + "%c3%a9" * 500), api.get(f"{api.path}?filter={'x' * 3000}")):
        expect(answer.status >= 400 and len(answer.body) <= 4096, f"{answer.line} with {len(answer.body)} bytes")
    many = api.post(api.profile.body(also=", ".join(f'"m{number}": 1' for number in range(150))))
    expect(
        len(many.document.get("errors", [])) == 100 and many.document.get("truncated") is True,
        f"{len(many.document.get('errors', []))} listed",
    )
    return "bounded"


@promise("C3.1", "No response of the run contains anything internal.", is_last=True)
def internals(api: Api) -> str:
    told = [each for each in api.everything() if each.answer.status >= 400]
    only_if(told, "no errors")
    for each in told:
        found = LEAKS.search(each.answer.body)
        expect(not found, f"{each.method} {each.target[:40]}: {found[0].decode() if found else ''}")
    return f"{len(told)} errors"


@promise("C4.1", "Every error of the run has no-store and nosniff.", is_last=True)
def headers(api: Api) -> str:
    told = [each.answer for each in api.everything() if each.answer.status >= 400]
    only_if(told, "no errors")
    for answer in told:
        value = (answer.get("Cache-Control"), answer.get("X-Content-Type-Options"))
        expect(value == ("no-store", "nosniff"), f"{answer.line}: {value[0]}, {value[1]}")
    return f"{len(told)} errors"


@promise("C4.2", "Every answer of the run has X-Request-Id and Request-Id, and they are the same.", is_last=True)
def ids(api: Api) -> str:
    told = [each.answer for each in api.everything() if each.answer.status >= 200]
    only_if(told, "no answers")
    for answer in told:
        found = {
            answer.get("X-Request-Id"),
            answer.get("Request-Id"),
            answer.document.get("request_id", answer.get("Request-Id")),
        }
        expect(len(found) == 1 and None not in found, f"{answer.line}: {found}")
    return f"{len(told)} answers"


@promise("C4.3", "No response of the run has a version in Server.", is_last=True)
def server(api: Api) -> str:
    for each in api.everything():
        expect(not re.search(r"\d", each.answer.get("Server") or ""), f"Server: {each.answer.get('Server')}")
    return "no version"


@promise("C6.1", 'Without credentials the challenge is Bearer realm="candor", and no more.')
def challenge(api: Api) -> str:
    value = api.get(api.path, token="").get("WWW-Authenticate")
    expect(value == 'Bearer realm="candor"', f"WWW-Authenticate: {value}")
    return str(value)


@promise("C7.1", "Credentials of another scheme count as none.")
def scheme(api: Api) -> str:
    answer = api.get(api.path, {"Authorization": "Basic YTpi"})
    expect(
        (answer.status, answer.get("WWW-Authenticate")) == (401, 'Bearer realm="candor"'),
        f"{answer.line}: {answer.get('WWW-Authenticate')}",
    )
    return answer.line


@promise("C7.2", "Invalid credentials are 401 invalid_token with a description.")
def bad(api: Api) -> str:
    _invalid(api.get(api.path, token="x.y.z"))
    return _invalid(api.get(api.path, {"Authorization": "Bearer a b"}))


@promise("C7.3", "Two Authorization fields, even if valid, are 401 invalid_token with a description.")
def twice(api: Api) -> str:
    answer = api.get(api.path, {"authorization": f"Bearer {api.profile.token}"})
    only_if(not is_malformed(answer), "a proxy in front rejects two of them as malformed")
    return _invalid(answer)


def _invalid(answer: Answer) -> str:
    value = answer.get("WWW-Authenticate") or ""
    fits = re.fullmatch(r'Bearer realm="candor", error="invalid_token", error_description="[^"]+"', value)
    expect(answer.status == 401 and fits, f"{answer.line}: {value}")
    return value


@promise("C8.1", "A request without the scope is 403, and the challenge names the scope.")
def scope(api: Api) -> str:
    only_if(api.profile.token_without_scope, "no token without the scope")
    answer = api.get(api.path, token=api.profile.token_without_scope)
    value = answer.get("WWW-Authenticate") or ""
    expect(
        answer.status == 403 and re.search(r'error="insufficient_scope", scope="\S+"', value), f"{answer.line}: {value}"
    )
    return value


@promise("C9.1", "An invalid token is rejected before the body is read.")
def before_body(api: Api) -> str:
    return answered(api.post(b"{", token="x.y.z"), 401, to="broken JSON")


@promise("C9a.1", "The first failure answers: route, method, token, Accept, type, syntax, rules, existence, tag.")
def precedence(api: Api) -> str:
    no, plain = {"Accept": "text/x-no"}, {"Content-Type": "text/plain"}
    large, missing = b"{" * (api.profile.body_limit + 1), f"{api.path}/00000000-0000-4000-8000-000000000000"
    answered(api.send("POST", api.unknown, no, b"{", token="x.y.z"), 404, to="unknown path, bad token")
    answered(api.send("PUT", api.path, no, b"{", token="x.y.z"), 405, to="wrong method, bad token")
    answered(api.post(b"{", no | plain, token="x.y.z"), 401, to="bad token, Accept")
    answered(api.post(b"{", no | plain), 406, to="Accept, type")
    answered(api.post(b"{", plain), 415, to="type, syntax")
    answered(api.post(large), 413, to="size, syntax")
    answered(
        api.send("PATCH", f"{missing}?colour=red", {"Content-Type": "application/json"}, b"{"), 400, to="syntax, query"
    )
    answered(api.patch(f"{missing}?colour=red", b"{}"), 400, to="rules, existence")
    return answered(api.patch(missing, b"{}", {"If-Match": '"0-00000000"'}), 404, to="existence, tag")


@promise("C9a.2", "Violations of query, headers and body are reported together.")
def together(api: Api) -> str:
    answer = api.patch(
        f"{api.item()}?colour=red", b'{"flavour": 1}', {"If-Match": "nonsense", "Request-Timeout": "soon"}
    )
    found = set(violations(answer))
    expect(found >= {"colour", "flavour", "If-Match", "Request-Timeout"}, f"{sorted(found)}")
    return ", ".join(sorted(found))


@promise("C9a.3", "A declared oversize is rejected after token, Accept and type, unless the edge rejects it first.")
def oversize(api: Api) -> str:
    no, plain = {"Accept": "text/x-no"}, {"Content-Type": "text/plain"}
    large, terabyte = b"{" * (api.profile.body_limit + 1), api.head("POST", api.path, length=2**40, token="x.y.z")
    first = api.exchange(terabyte)
    only_if(first.status != 413, "a proxy in front rejects a declared oversize by itself")
    answered(first, 401, to="bad token, a terabyte")
    answered(api.post(large, no | plain), 406, to="Accept, type, size")
    return answered(api.post(large, plain), 415, to="type, size")


@promise("C11.1", "The catalogue is served as HTML, JSON and Markdown by Accept, with Vary.")
def catalogue(api: Api) -> str:
    for path in ("/errors", "/errors/malformed-json"):
        for media_type in ("text/html", "application/json", "text/markdown"):
            answer = api.get(path, {"Accept": media_type}, token="")
            expect(
                answer.status == 200 and answer.media_type == media_type,
                f"{path}: {answer.line} as {answer.media_type}",
            )
            expect("Accept" in answer.listed("Vary"), f"{path}: Vary: {answer.get('Vary')}")
            is_page = media_type == "text/html"
            expect(
                not is_page or "default-src 'none'" in (answer.get("Content-Security-Policy") or ""),
                f"{path}: no policy",
            )
    return "three formats"


@promise("C11.2", "Every entry of the catalogue has a page.")
def entries(api: Api) -> str:
    listed = api.get("/errors", {"Accept": "application/json"}, token="").document.get("errors", [])
    expect(len(listed) > 10, f"{len(listed)} entries")
    for entry in listed:
        slug = entry["code"].lower().replace("_", "-")
        answered(api.get(f"/errors/{slug}", token=""), 200, to=slug)
    answered(api.get("/errors/no-such-error", token=""), 404, to="no-such-error")
    return f"{len(listed)} entries"
