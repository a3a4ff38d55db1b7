"""C24: pages of allowed origins may read our answers, and no others."""

from collections.abc import Callable
from typing import Final

import pytest
from flask import Flask

from tests.api.caller import ABSENT, TASKS, Caller, path_of

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
    """Return alice, who calls from a page."""
    return Caller(shared.test_client(), alice.credentials)


class TestOrigins:
    """The allow-list."""

    @pytest.mark.parametrize("origin", [GOOD, "http://localhost:3000"])
    def test_an_allowed_origin_may_read_answers_and_errors(self, page: Caller, shared: Flask, origin: str) -> None:
        """C24: whatever the status."""
        sent = {"Origin": origin}
        path = path_of(page.task())
        tag = page.get(path).headers["ETag"]
        nobody = Caller(shared.test_client(), {})
        responses = [
            page.get(path, headers=sent),
            page.get(path, headers={**sent, "If-None-Match": tag}),
            page.post(json={"task": {"title": "x"}}, headers=sent),
            page.post(json={}, headers=sent),
            page.get("/v1/nothing", headers=sent),
            page.send("PUT", TASKS, headers=sent),
            nobody.get(TASKS, headers=sent),
            nobody.get("/healthz", headers=sent),
        ]
        assert [each.status_code for each in responses] == [200, 304, 201, 400, 404, 405, 401, 200]
        for each in responses:
            assert each.headers.getlist("Access-Control-Allow-Origin") == [origin]
            assert {*each.headers["Access-Control-Expose-Headers"].split(", ")} >= EXPOSED
            assert "Access-Control-Allow-Credentials" not in each.headers

    @pytest.mark.parametrize("origin", BAD)
    def test_any_other_may_not(self, page: Caller, origin: str) -> None:
        """B28: exact, never by prefix, suffix, case or port."""
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

    def test_by_default_there_is_none(self, alice: Caller) -> None:
        """C24."""
        response = alice.get(TASKS, headers={"Origin": GOOD})
        assert "Access-Control-Allow-Origin" not in response.headers
        assert "Origin" in response.headers["Vary"]

    def test_caches_are_told_that_answers_differ_even_without_an_origin(self, page: Caller) -> None:
        """B28: Vary: Origin always."""
        for response in (page.get(TASKS), page.get("/v1/nothing"), page.get("/errors"), page.send("OPTIONS", TASKS)):
            assert "Origin" in response.headers["Vary"]

    def test_a_limited_client_sees_why(self, make_application: Callable[..., Flask]) -> None:
        """C24: on 429 too."""
        client = make_application(cors_origins=(GOOD,), rate_limit="1 per hour").test_client()
        client.get("/")
        response = client.get("/", headers={"Origin": GOOD})
        assert (response.status_code, response.headers["Access-Control-Allow-Origin"]) == (429, GOOD)


class TestPreflight:
    """OPTIONS with Access-Control-Request-Method."""

    @pytest.mark.parametrize("path", [TASKS, ABSENT, "/v1/nothing", "/", "/healthz"])
    def test_it_is_permitted_the_same_whatever_the_path(self, shared: Flask, path: str) -> None:
        """B28: without credentials; of the path, only Allow speaks, as in the answer to any OPTIONS."""
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
        } <= allowed
        assert "Access-Control-Allow-Private-Network" not in response.headers
        allow = shared.test_client().options(path).headers.get("Allow")
        assert response.headers.get("Allow") == (None if path == "/v1/nothing" else allow), "table 1.4"

    def test_it_does_not_count_against_the_limit(self, make_application: Callable[..., Flask]) -> None:
        """C22: routed before limits."""
        client = make_application(cors_origins=(GOOD,), rate_limit="1 per hour").test_client()
        for _ in range(3):
            sent = {"Origin": GOOD, "Access-Control-Request-Method": "GET"}
            assert client.options("/", headers=sent).status_code == 204
        assert client.get("/").status_code == 200
