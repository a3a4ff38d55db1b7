"""The contract, section 2: ids, idempotency, limits, deadlines, CORS and paths."""

import re
from typing import Final

from tests.conformance.api import Api
from tests.conformance.profile import unique
from tests.conformance.rule import answered, expect
from tests.conformance.rules.promises import problem, promise, violations

HOSTILE: Final = (
    '"}{"level":',
    "short",
    "x" * 129,
    "${jndi:ldap://x}",
    "a b c d e f",
    "\x1b[31mconformance",
    "caf\xe9conformance",
)


@promise("C16.1", "The first valid request id that was sent is kept.")
def kept(api: Api) -> str:
    mine = unique()
    for fields in (
        {"X-Request-Id": mine},
        {"Request-Id": mine},
        {"X-Trace-Id": mine},
        {"X-Request-Id": mine, "Request-Id": unique()},
        {"X-Request-Id": "bad", "Request-Id": mine},
    ):
        for path in (api.path, api.unknown):
            value = api.get(path, fields).get("X-Request-Id")
            expect(value == mine, f"{sorted(fields)}: {value}")
    return "kept"


@promise("C16.2", "An invalid id is replaced, and no response contains it.")
def replaced(api: Api) -> str:
    for each in HOSTILE:
        answer = api.get(api.path, {"X-Request-Id": each})
        fresh = answer.get("X-Request-Id") or ""
        expect(fresh != each and re.fullmatch(r"[A-Za-z0-9._-]{8,128}", fresh), f"{each!a}: {answer.line}, {fresh!a}")
    return f"{len(HOSTILE)} ids"


@promise("C16.3", "A valid traceparent is continued; an invalid one is not.")
def traced(api: Api) -> str:
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    value = api.get(api.unknown, {"traceparent": f"00-{trace}-00f067aa0ba902b7-01"}).document.get("trace_id")
    expect(value == trace, f"trace_id: {value}")
    value = api.get(api.unknown, {"traceparent": f"00-{'0' * 32}-00f067aa0ba902b7-01"}).document.get("trace_id")
    expect(value != "0" * 32, "a trace of zeros is continued")
    return "continued"


@promise("C21.1", "The same Idempotency-Key replays the first response, bare or quoted, and marks it as replayed.")
def replay(api: Api) -> str:
    key, body = unique(), api.profile.body()
    first = api.post(body, {"Idempotency-Key": key})
    expect(first.status == 201 and first.get("Idempotent-Replayed") is None, first.line)
    again = api.post(body.replace(b": ", b" : "), {"Idempotency-Key": f'"{key}"'})
    for name in ("Content-Type", "Location", "ETag"):
        expect(first.get(name) == again.get(name), f"{name}: {first.get(name)}, then {again.get(name)}")
    expect((again.status, again.body) == (201, first.body), f"{again.line}, another body")
    expect(again.get("Idempotent-Replayed") == "true", f"Idempotent-Replayed: {again.get('Idempotent-Replayed')}")
    return "replayed"


@promise("C21.2", "The same key with another request is 422 IDEMPOTENCY_KEY_REUSED.")
def reused(api: Api) -> str:
    fields = {"Idempotency-Key": unique()}
    answered(api.post(api.profile.body(), fields), 201)
    return problem(api.post(api.profile.body(), fields), 422, "IDEMPOTENCY_KEY_REUSED")


@promise("C21.3", "An invalid or repeated key is 400 INVALID_IDEMPOTENCY_KEY.")
def no_key(api: Api) -> str:
    for key in ("x" * 256, '""', '"a', "caf\xe9", "a, b"):
        problem(api.post(api.profile.body(), {"Idempotency-Key": key}), 400, "INVALID_IDEMPOTENCY_KEY", to=key[:9])
    twice = {"Idempotency-Key": unique(), "idempotency-key": unique()}
    return problem(api.post(api.profile.body(), twice), 400, "INVALID_IDEMPOTENCY_KEY", to="twice")


@promise("C21.4", "After an error the key can be used again.")
def free(api: Api) -> str:
    fields = {"Idempotency-Key": unique()}
    answered(api.post(api.profile.body(template=api.profile.invalid), fields), 400)
    return answered(api.post(api.profile.body(), fields), 201)


@promise("C22.1", "Limited routes return RateLimit-Policy and RateLimit; health does not.")
def limits(api: Api) -> str:
    answer = api.get(api.path)
    policy, left = answer.get("RateLimit-Policy") or "", answer.get("RateLimit") or ""
    expect(re.fullmatch(r'"default";q=\d+;w=\d+', policy), f"RateLimit-Policy: {policy}")
    expect(re.fullmatch(r'"default";r=\d+;t=\d+', left), f"RateLimit: {left}")
    expect(api.get("/healthz").get("RateLimit") is None, "/healthz is limited")
    return f"{policy}; {left}"


@promise("C22.2", "Only 429, 503 and 409 have Retry-After.", is_last=True)
def no_retry_after(api: Api) -> str:
    for each in api.everything():
        expect(
            each.answer.get("Retry-After") is None or each.answer.status in {409, 429, 503},
            f"{each.target}: {each.answer.line}",
        )
    return f"{len(api.seen)} answers"


@promise("C23.1", "An invalid Request-Timeout is a violation; a valid one is accepted.")
def deadline(api: Api) -> str:
    for each in ("soon", "0", "-1", "0.01", "1e3", "1,5"):
        expect("Request-Timeout" in violations(api.get(api.path, {"Request-Timeout": each}), to=each), each)
    for each in ("2.5", "10", "99999"):
        seen = answered(api.get(api.path, {"Request-Timeout": each}), 200, to=each)
    return seen


@promise("C24.1", "Only configured origins are allowed, and every response has Vary: Origin.")
def origins(api: Api) -> str:
    for origin in ("null", "https://evil.example", f"http://{api.server.authority}.evil.example"):
        for path in (api.path, api.unknown):
            answer = api.get(path, {"Origin": origin})
            expect(answer.get("Access-Control-Allow-Origin") is None, f"{origin} is allowed")
            expect("Origin" in answer.listed("Vary"), f"Vary: {answer.get('Vary')}")
    asked = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    known, unknown = (api.send("OPTIONS", path, asked, token="") for path in (api.path, api.unknown))
    expect(known.status == unknown.status, f"preflight: {known.line} and {unknown.line}")
    return "none"


@promise("C25.1", "A trailing slash, or a doubled one, is 404, never a redirect.")
def slashes(api: Api) -> str:
    for path in (f"{api.path}/", f"/{api.path}", api.path.replace("/", "//"), "/healthz/", "//healthz", "//"):
        seen = answered(api.get(path), 404, to=path)
    return seen
