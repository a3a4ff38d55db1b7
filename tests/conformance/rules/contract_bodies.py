"""The contract, section 1.4: the status and code of each situation."""

from tests.conformance.api import Api
from tests.conformance.rule import expect, only_if
from tests.conformance.rules.promises import NO_UUID, is_malformed, problem, promise, violations

WHICH = "contract 1.4"


@promise("W01", "An unknown path is 404 ROUTE_NOT_FOUND; an invalid id, the resource's own 404.", source=WHICH)
def not_found(api: Api) -> str:
    problem(api.get(api.unknown), 404, "ROUTE_NOT_FOUND")
    for name in (NO_UUID, "x", "1"):
        answer = api.get(f"{api.path}/{name}")
        seen = problem(answer, 404, "TASK_NOT_FOUND", to=name)
    return seen


@promise("W02", "A wrong method is 405 METHOD_NOT_ALLOWED; OPTIONS is 204 with Allow.", source=WHICH)
def methods(api: Api) -> str:
    for method in ("PUT", "BREW", "TRACE"):
        seen = problem(api.send(method, api.path), 405, "METHOD_NOT_ALLOWED", to=method)
    answer = api.send("OPTIONS", api.path, token="")
    expect(answer.status == 204 and answer.get("Allow"), f"OPTIONS: {answer.line}")
    return seen


@promise("W03", "Invalid JSON is 400 MALFORMED_JSON, and detail contains the byte offset.", source=WHICH)
def malformed(api: Api) -> str:
    half, huge = '"\\ud800"', "1e400"
    bodies = [
        b"{",
        b"nonsense",
        b"{} {}",
        b"{}x",
        b'{"a": 1,}',
        b'{"a": NaN}',
        b'{"a": -Infinity}',
        b'{"a": 1, "\\u0061": 2}',
        b"[" * 5000,
    ]
    bodies += [
        b'{"a": "\xff"}',
        b"\xef\xbb\xbf{}",
        "{}".encode("utf-16"),
        *(api.profile.body(text=text) for text in (half, huge)),
    ]
    for body in bodies:
        answer = api.post(body)
        problem(answer, 400, "MALFORMED_JSON", to=ascii(body[:30]))
        expect(
            f"at character {answer.document.get('position')}" in answer.document.get("detail", ""),
            f"detail: {answer.document.get('detail')}",
        )
    answer = api.post(b'{"task": {"title": }}')
    expect(answer.document.get("position") == 20, f"position: {answer.document.get('position')}, not 20")
    return f"{len(bodies)} bodies"


@promise("W04", "A missing or empty body is 400 EMPTY_BODY.", source=WHICH)
def empty(api: Api) -> str:
    problem(api.post(b" \n"), 400, "EMPTY_BODY", to="blanks")
    problem(api.send("POST", api.path), 400, "EMPTY_BODY", to="nothing at all")
    return problem(api.post(b""), 400, "EMPTY_BODY")


@promise("W05", "JSON of a wrong top-level type is 400 VALIDATION_FAILED.", source=WHICH)
def top_level(api: Api) -> str:
    for body in (b"null", b"[]", b'"x"', b"1", b"true"):
        violations(api.post(body), to=body.decode())
    return "five types"


@promise("W06", "An unknown member is a violation UNKNOWN_FIELD, with field and pointer.", source=WHICH)
def unknown_member(api: Api) -> str:
    answer = api.post(api.profile.body(also='"colour": "red"'))
    expect(violations(answer) == {"colour": ["UNKNOWN_FIELD"]}, f"{violations(answer)}")
    pointer = answer.document["errors"][0].get("pointer")
    expect(pointer == "#/task/colour", f"pointer: {pointer}")
    return pointer or ""


@promise("W07", "An unknown or repeated query parameter is a violation.", source=WHICH)
def unknown_parameter(api: Api) -> str:
    answer = api.get(f"{api.path}?colour=red")
    expect(violations(answer) == {"colour": ["UNKNOWN_PARAMETER"]}, f"{violations(answer)}")
    expect(answer.document["errors"][0].get("parameter") == "colour", f"{answer.document['errors'][0]}")
    expect("page_size" in violations(api.get(f"{api.path}?page_size=1&page_size=2")), "page_size twice is let pass")
    return "UNKNOWN_PARAMETER"


@promise("W08", "All violations are reported at once.", source=WHICH)
def all_at_once(api: Api) -> str:
    body = b'{"task": {"title": "", "tags": ["A", "b", "b"], "due_date": "2020-01-01T00:00:00Z", "status": "x", '
    body += b'"priority": 1, "x": 1}}'
    found = violations(api.post(body))
    expect(set(found) == {"title", "tags[0]", "tags[2]", "due_date", "status", "priority", "x"}, f"{sorted(found)}")
    return f"{len(found)} fields"


@promise("W09", "A missing or wrong type is 415 UNSUPPORTED_MEDIA_TYPE with Accept-Post or Accept-Patch.", source=WHICH)
def wrong_type(api: Api) -> str:
    odd = (
        "",
        "text/plain",
        "application/jsonx",
        "application/json; charset=utf-16",
        "application/merge-patch+json",
        "multipart/form-data; boundary=x",
    )
    for each in odd:
        answer = api.post(api.profile.body(), {"Content-Type": each})
        problem(answer, 415, "UNSUPPORTED_MEDIA_TYPE", to=each or "no type")
        expect("application/json" in answer.listed("Accept-Post"), f"Accept-Post: {answer.get('Accept-Post')}")
    answer = api.patch(api.item(), b"{}", {"Content-Type": "text/plain"})
    expect(
        "application/merge-patch+json" in answer.listed("Accept-Patch"), f"Accept-Patch: {answer.get('Accept-Patch')}"
    )
    return f"{len(odd)} types"


@promise("W10", "Any Content-Encoding on a request is 415 with Accept-Encoding: identity.", source=WHICH)
def encoded(api: Api) -> str:
    for coding in ("gzip", "br", "identity", "x"):
        answer = api.post(api.profile.body(), {"Content-Encoding": coding})
        problem(answer, 415, "UNSUPPORTED_MEDIA_TYPE", to=coding)
        expect(answer.get("Accept-Encoding") == "identity", f"Accept-Encoding: {answer.get('Accept-Encoding')}")
    return "Accept-Encoding: identity"


@promise("W11", "An Accept that excludes JSON is 406 NOT_ACCEPTABLE.", source=WHICH)
def not_acceptable(api: Api) -> str:
    for accept in ("application/xml", "application/json;q=0", "*/*;q=0", "text/*, application/json;q=0.0"):
        seen = problem(api.get(api.path, {"Accept": accept}), 406, "NOT_ACCEPTABLE", to=accept)
    return seen


@promise("W12", "A body over the limit is 413 BODY_TOO_LARGE with limit, declared or chunked.", source=WHICH)
def too_large(api: Api) -> str:
    limit = api.profile.body_limit
    body = api.profile.body() + b" " * limit
    chunked = api.head("POST", api.path, {"Content-Type": "application/json", "Transfer-Encoding": "chunked"})
    declared = api.head("POST", api.path, {"Content-Type": "application/json"}, length=2**40)
    for request in (declared, chunked + b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)):
        answer = api.exchange(request)
        seen = problem(answer, 413, "BODY_TOO_LARGE")
        expect(answer.document.get("limit") == limit, f"limit: {answer.document.get('limit')}")
    return seen


@promise(
    "W13", "A URI that is too long is 414 URI_TOO_LONG, fields that are, 431 HEADER_FIELDS_TOO_LARGE.", source=WHICH
)
def too_long(api: Api) -> str:
    problem(api.get(f"/{'a' * 70_000}"), 414, "URI_TOO_LONG")
    many = {f"X-{number}": "1" for number in range(200)}
    problem(api.get(api.path, many), 431, "HEADER_FIELDS_TOO_LARGE", to="200 fields")
    return problem(api.get(api.path, {"X-Long": "a" * 70_000}), 431, "HEADER_FIELDS_TOO_LARGE")


@promise("W14", "Malformed HTTP is 400 MALFORMED_REQUEST.", source=WHICH)
def malformed_http(api: Api) -> str:
    host = f"Host: {api.server.authority}\r\n".encode()
    for request in (
        b"GARBAGE\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + host + b"A : b\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + host + b"A: b\r\n c\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + host + b"A: b\0\r\n\r\n",
        b"GET /#x HTTP/1.1\r\n" + host + b"\r\n",
        b"POST / HTTP/1.1\r\n" + host + b"Content-Length: +5\r\n\r\nabcde",
        b"POST / HTTP/1.1\r\n" + host + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ):
        seen = problem(api.exchange(request), 400, "MALFORMED_REQUEST", to=ascii(request[:60]))
    return seen


@promise("W15", "An id with a NUL is invalid, therefore the resource's own 404.", source=WHICH)
def nul(api: Api) -> str:
    answer = api.get(f"{api.path}/%00")
    only_if(not is_malformed(answer), "a proxy in front rejects a NUL in a path as malformed")
    return problem(answer, 404, "TASK_NOT_FOUND")
