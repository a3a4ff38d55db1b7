"""C24: pages of allowed origins may read responses, and pages of other origins may not."""

from collections.abc import Callable
from typing import Any, Final

import pytest
from flask import Flask

from tests.api.caller import ABSENT, TASKS, Caller, path_of
from tests.samples import BODIES
from tests.samples import path_of as sample_path

GOOD: Final = "https://good.com"
EXPOSED: Final = {
    *("WWW-Authenticate", "ETag", "Location", "Retry-After", "RateLimit", "RateLimit-Policy"),
    *("X-Request-Id", "Idempotent-Replayed", "Degraded"),
}
BAD = [
    *(
        "null",
        "https://good.com.evil",
        "https://evilgood.com",
        "http://good.com",
        "HTTPS://GOOD.COM",
        "https://Good.com",
    ),
    *(
        "https://good.com:444",
        "https://good.com:443",
        "https://good.com/",
        "https://good.com, https://good.com",
        "*",
        "",
    ),
    *("https://good.com\x00", "https://sub.good.com", "good.com", "https://good.com@evil.com", "file://"),
]


@pytest.fixture(scope="session")
def shared(make_application: Callable[..., Flask]) -> Flask:
    """Return an application with two allowed origins."""
    return make_application(cors_origins=(GOOD, "http://localhost:3000"))


@pytest.fixture
def page(shared: Flask, alice: Caller) -> Caller:
    """Return alice, with requests from a page."""
    return Caller(shared.test_client(), alice.credentials)


class TestOrigins:
    """The list of allowed origins."""

    @pytest.mark.parametrize("origin", [GOOD, "http://localhost:3000"])
    def test_an_allowed_origin_may_read_responses_and_errors(self, page: Caller, shared: Flask, origin: str) -> None:
        """C24: with any status."""
        sent = {"Origin": origin}
        path = path_of(page.task())
        tag = page.get(path).headers["ETag"]
        unauthenticated = Caller(shared.test_client(), {})
        responses = [
            page.get(path, headers=sent),
            page.get(path, headers={**sent, "If-None-Match": tag}),
            page.post(json={"task": {"title": "x"}}, headers=sent),
            page.post(json={}, headers=sent),
            page.get("/v1/nothing", headers=sent),
            page.send("PUT", TASKS, headers=sent),
            unauthenticated.get(TASKS, headers=sent),
            unauthenticated.get("/healthz", headers=sent),
        ]
        assert [each.status_code for each in responses] == [200, 304, 201, 400, 404, 405, 401, 200]
        for each in responses:
            assert each.headers.getlist("Access-Control-Allow-Origin") == [origin]
            assert {*each.headers["Access-Control-Expose-Headers"].split(", ")} >= EXPOSED
            assert "Access-Control-Allow-Credentials" not in each.headers

    @pytest.mark.parametrize("origin", BAD)
    def test_other_origins_may_not(self, page: Caller, origin: str) -> None:
        """Exact match: prefix, suffix, case and port count."""
        for response in (
            page.get(TASKS, environ_overrides={"HTTP_ORIGIN": origin}),
            page.send(
                "OPTIONS",
                TASKS,
                environ_overrides={"HTTP_ORIGIN": origin},
                headers={"Access-Control-Request-Method": "POST"},
            ),
        ):
            assert response.status_code in {200, 204}
            assert not [name for name in response.headers.keys() if name.startswith("Access-Control-")]  # noqa: SIM118 -- a list of pairs
            assert "Origin" in response.headers["Vary"]

    def test_by_default_no_origin_is_allowed(self, alice: Caller) -> None:
        """C24."""
        response = alice.get(TASKS, headers={"Origin": GOOD})
        assert "Access-Control-Allow-Origin" not in response.headers
        assert "Origin" in response.headers["Vary"]

    def test_responses_vary_by_origin_even_without_an_origin(self, page: Caller) -> None:
        """``Vary: Origin`` is always present."""
        for response in (page.get(TASKS), page.get("/v1/nothing"), page.get("/errors"), page.send("OPTIONS", TASKS)):
            assert "Origin" in response.headers["Vary"]

    def test_a_limited_client_can_read_the_reason(self, make_application: Callable[..., Flask]) -> None:
        """C24: on 429 too."""
        client = make_application(cors_origins=(GOOD,), rate_limit="1 per hour").test_client()
        client.get("/")
        response = client.get("/", headers={"Origin": GOOD})
        assert (response.status_code, response.headers["Access-Control-Allow-Origin"]) == (429, GOOD)


class TestPreflight:
    """OPTIONS with Access-Control-Request-Method."""

    @pytest.mark.parametrize("path", [TASKS, ABSENT, "/v1/nothing", "/", "/healthz"])
    def test_it_is_permitted_for_every_path(self, shared: Flask, path: str) -> None:
        """Without credentials. Only ``Allow`` depends on the path, as in the response to any OPTIONS."""
        sent = {
            "Origin": GOOD,
            "Access-Control-Request-Method": "PATCH",
            "Access-Control-Request-Headers": "authorization,idempotency-key",
            "Access-Control-Request-Private-Network": "true",
        }
        response = shared.test_client().options(path, headers=sent)
        assert (response.status_code, response.get_data()) == (204, b"")
        assert response.headers["Access-Control-Allow-Origin"] == GOOD
        assert {"GET", "POST", "PATCH", "DELETE"} <= {*response.headers["Access-Control-Allow-Methods"].split(", ")}
        allowed = {name.lower() for name in response.headers["Access-Control-Allow-Headers"].split(", ")}
        assert {
            "authorization",
            "content-type",
            "idempotency-key",
            "if-match",
            "if-none-match",
            "request-timeout",
            "x-request-id",
            "request-id",
            "x-trace-id",
            "traceparent",
            "tracestate",
        } <= allowed
        assert "Access-Control-Allow-Private-Network" not in response.headers
        allow = shared.test_client().options(path).headers.get("Allow")
        assert response.headers.get("Allow") == (None if path == "/v1/nothing" else allow), path

    def test_it_does_not_count_against_the_limit(self, make_application: Callable[..., Flask]) -> None:
        """C22: the router answers it before the limits apply."""
        client = make_application(cors_origins=(GOOD,), rate_limit="1 per hour").test_client()
        for _ in range(3):
            sent = {"Origin": GOOD, "Access-Control-Request-Method": "GET"}
            assert client.options("/", headers=sent).status_code == 204
        assert client.get("/").status_code == 200


class Recorded(dict[str, Any]):
    """A WSGI environment that records the names of the header fields that are read."""

    def __init__(self, environ: dict[str, Any], read: set[str]) -> None:
        super().__init__(environ)
        self._read = read

    def _note(self, key: object) -> None:
        if isinstance(key, str) and (key.startswith("HTTP_") or key == "CONTENT_TYPE"):
            self._read.add(key.removeprefix("HTTP_").replace("_", "-").lower())

    def get(self, key: str, default: Any = None) -> Any:
        self._note(key)
        return super().get(key, default)

    def __getitem__(self, key: str) -> Any:
        self._note(key)
        return super().__getitem__(key)

    def __contains__(self, key: object) -> bool:
        self._note(key)
        return super().__contains__(key)


FORBIDDEN: Final = {
    *("accept-charset", "accept-encoding", "access-control-request-headers", "access-control-request-method"),
    *("access-control-request-private-network", "connection", "content-length", "cookie", "date", "dnt", "expect"),
    *("host", "keep-alive", "origin", "referer", "set-cookie", "te", "trailer", "transfer-encoding", "upgrade", "via"),
}
"""Header fields that no page can set (https://fetch.spec.whatwg.org/#forbidden-request-header)."""
OF_PROXIES: Final = {"x-forwarded-for"}


def allowed(app: Flask) -> set[str]:
    """Return the header fields that a preflight permits, in lower case."""
    sent = {"Origin": GOOD, "Access-Control-Request-Method": "GET"}
    names: str = app.test_client().options(TASKS, headers=sent).headers["Access-Control-Allow-Headers"]
    return {name.lower() for name in names.split(", ")}


class TestReads:
    """Header fields that the service reads are header fields that a page may send."""

    @pytest.fixture
    def read(self, shared: Flask, admin: Caller, monkeypatch: pytest.MonkeyPatch) -> set[str]:
        """Return the header fields that the service reads in a sweep over all operations."""
        read: set[str] = set()
        inner = shared.wsgi_app
        monkeypatch.setattr(shared, "wsgi_app", lambda environ, start: inner(Recorded(environ, read), start))
        caller = Caller(shared.test_client(), {**admin.credentials, "Origin": GOOD})
        sent = {"Idempotency-Key": "k-1", "If-None-Match": '"x"', "Content-Encoding": "gzip"}
        for operation in sorted(
            {f"{method} {rule.rule}" for rule in shared.url_map.iter_rules() for method in rule.methods or ()}
        ):
            method, path = operation.split()[0], sample_path(operation)
            caller.send(method, path, json=BODIES.get(operation))
            caller.send(method, path, json=BODIES.get(operation), headers=sent)
            Caller(caller.client, {}).send(method, path, json=BODIES.get(operation))
        return read

    def test_exactly_these_are_permitted(self, shared: Flask, read: set[str]) -> None:
        unread = {"tracestate", "read-after"}  # without tracing, and without replicas
        assert {name for name in read if not name.startswith(("sec-", "proxy-"))} - FORBIDDEN - OF_PROXIES == allowed(
            shared
        ) - unread

    def test_header_fields_of_traces_are_permitted(self, shared: Flask) -> None:
        tracing = pytest.importorskip("app.observability.tracing", reason="requirements/tracing.lock is not installed")
        assert {*tracing.PROPAGATOR.fields} <= allowed(shared)
