"""Claims that a correctly signed token needs, and the values that are valid."""

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from app.config import InvalidSettings, Settings
from tests.api.caller import TASKS, Caller, answered
from tests.api.forge import Forge, described, segment

WRONG = "A required claim is missing or malformed"
NOW = int(time.time())


class TestTimes:
    """``exp``, ``nbf`` and ``iat``."""

    @pytest.mark.parametrize(
        "exp",
        [..., None, "9999999999", "soon", [], {}, True, 10**30, 1e30, 253402300800, -1, 0, float("nan"), float("inf")],
        ids=str,
    )
    def test_an_invalid_expiry_is_rejected(self, unauthenticated: Caller, forge: Forge, exp: Any) -> None:
        """A token must expire, at a moment that is a number."""
        described(unauthenticated, f"Bearer {forge.token(exp=exp)}")

    @pytest.mark.parametrize(
        ("seconds", "status"), [(-3600, 401), (-1, 401), (0, 401), (2, 200), (3600, 200), (10**9, 200)]
    )
    def test_a_token_is_invalid_from_its_expiry_on(
        self, unauthenticated: Caller, forge: Forge, seconds: int, status: int
    ) -> None:
        """Without leeway."""
        token = forge.token(exp=int(time.time()) + seconds)
        assert unauthenticated.get(TASKS, headers={"Authorization": f"Bearer {token}"}).status_code == status

    def test_an_expired_token_is_reported_as_expired(self, unauthenticated: Caller, forge: Forge) -> None:
        """C7: one of a fixed set of descriptions."""
        assert described(unauthenticated, f"Bearer {forge.token(exp=1)}") == "The token has expired"

    @pytest.mark.parametrize("claim", ["nbf", "iat"])
    def test_a_token_from_the_future_is_rejected(self, unauthenticated: Caller, forge: Forge, claim: str) -> None:
        changes: dict[str, Any] = {claim: int(time.time()) + 60}
        token = forge.token(**changes)
        assert described(unauthenticated, f"Bearer {token}") == "The token is not valid yet"

    @pytest.mark.parametrize("claim", ["nbf", "iat"])
    @pytest.mark.parametrize("value", [None, "x", "0", [], True, float("nan"), -1, 10**30, {"a": 1}], ids=str)
    def test_an_invalid_moment_is_rejected(self, unauthenticated: Caller, forge: Forge, claim: str, value: Any) -> None:
        described(unauthenticated, f"Bearer {forge.token(**{claim: value})}")

    def test_iat_is_required_and_nbf_is_not(self, unauthenticated: Caller, forge: Forge) -> None:
        """``exp``, ``iat`` and ``sub`` are required."""
        assert described(unauthenticated, f"Bearer {forge.token(iat=...)}") == WRONG
        token = forge.token(nbf=NOW - 60, iat=NOW - 60.5)
        answered(unauthenticated.get(TASKS, headers={"Authorization": f"Bearer {token}"}))


class TestSubject:
    """``sub`` and ``scope``."""

    @pytest.mark.parametrize(
        "sub", [..., None, "", 1, [], {}, True, "a\x00b", "a\nb", "\x7f", "x" * 256, "\ud800", "a\udfffb"], ids=ascii
    )
    def test_an_invalid_subject_is_rejected(self, unauthenticated: Caller, forge: Forge, sub: Any) -> None:
        """A caller needs a name that can be stored and logged."""
        assert described(unauthenticated, f"Bearer {forge.token(sub=sub)}") in {WRONG, "The token is malformed"}

    @pytest.mark.parametrize(
        "sub", ["a", "x" * 255, "auth0|5f7c", "alice@example.com", "élodie", "\U0001f95b", "a b", "' --"]
    )
    def test_any_other_subject_owns_its_tasks(self, unauthenticated: Caller, forge: Forge, sub: str) -> None:
        """Other callers do not."""
        caller = Caller(unauthenticated.client, {"Authorization": f"Bearer {forge.token(sub=sub)}"})
        assert caller.task()["created_by"] == sub
        assert caller.titles() == ["Buy milk"]

    @pytest.mark.parametrize("scope", [None, 1, ["tasks"], {"tasks": 1}, True], ids=str)
    def test_an_invalid_scope_is_rejected(self, unauthenticated: Caller, forge: Forge, scope: Any) -> None:
        """The scope claim is space separated."""
        assert described(unauthenticated, f"Bearer {forge.token(scope=scope)}") == WRONG

    @pytest.mark.parametrize(
        "scope",
        [..., "", " ", "Tasks", "tasks:read", "task", "tasksx", "tasks,admin", "tasks;admin", "other:read", "admins"],
    )
    def test_other_scopes_are_403(self, unauthenticated: Caller, forge: Forge, scope: Any) -> None:
        """C8: scopes match only as whole words."""
        response = unauthenticated.get(TASKS, headers={"Authorization": f"Bearer {forge.token(scope=scope)}"})
        assert response.status_code == 403
        challenge = 'Bearer realm="candor", error="insufficient_scope", scope="tasks"'
        assert response.headers["WWW-Authenticate"] == challenge

    @pytest.mark.parametrize("scope", ["tasks", "a tasks b", "  tasks  ", "admin", "x admin", "tasks tasks"])
    def test_one_of_several_is_enough_and_admin_implies_all(
        self, unauthenticated: Caller, forge: Forge, scope: str
    ) -> None:
        answered(unauthenticated.get(TASKS, headers={"Authorization": f"Bearer {forge.token(scope=scope)}"}))


class TestAudience:
    """``aud`` and ``iss``, if they are configured."""

    @pytest.fixture
    def strict(self, make_application: Callable[..., Flask]) -> Caller:
        """Return a caller of an application that requires both."""
        return Caller(make_application(jwt_audience="candor", jwt_issuer="https://issuer.test").test_client(), {})

    @pytest.mark.parametrize("aud", ["candor", ["candor"], ["other", "candor"]], ids=str)
    def test_a_token_for_the_configured_audience_is_accepted(self, strict: Caller, forge: Forge, aud: Any) -> None:
        """RFC 7519, section 4.1.3: alone or in a list."""
        token = forge.token(aud=aud, iss="https://issuer.test")
        answered(strict.get("/v1/tasks", headers={"Authorization": f"Bearer {token}"}))

    @pytest.mark.parametrize(
        "aud",
        [
            ...,
            None,
            "",
            "other",
            "candor2",
            "cand",
            "Candor",
            " candor",
            [],
            ["other"],
            [["candor"]],
            {"candor": 1},
            1,
            [1],
        ],
        ids=str,
    )
    def test_a_token_for_another_audience_is_rejected(self, strict: Caller, forge: Forge, aud: Any) -> None:
        """Missing, different, or a part of it."""
        described(strict, f"Bearer {forge.token(aud=aud, iss='https://issuer.test')}")

    @pytest.mark.parametrize(
        "iss",
        [
            *(..., None, "", "https://issuer.test/", "https://issuer.tes", "https://issuer.test.evil"),
            *("HTTPS://issuer.test", ["https://issuer.test"], {}, 1),
        ],
        ids=str,
    )
    def test_a_token_of_another_issuer_is_rejected(self, strict: Caller, forge: Forge, iss: Any) -> None:
        """Prefix, suffix, trailing slash, list."""
        described(strict, f"Bearer {forge.token(aud='candor', iss=iss)}")

    def test_issued_tokens_contain_both(self, make_application: Callable[..., Flask]) -> None:
        """They are accepted by this application, not by others."""
        one, other = (make_application(jwt_audience=audience, jwt_issuer="us") for audience in ("one", "other"))
        issued = one.extensions["app-services"].tokens.issue("alice", scopes=["tasks"], lifetime=timedelta(hours=1))
        sent = {"Authorization": f"Bearer {issued}"}
        assert one.test_client().get("/v1/tasks", headers=sent).status_code == 200
        assert other.test_client().get("/v1/tasks", headers=sent).status_code == 401


class TestSecret:
    """Secrets that prevent the start."""

    @pytest.mark.parametrize("env", ["production", "development"])
    @pytest.mark.parametrize("secret", ["short", "x" * 31, "é" * 15])
    def test_a_short_secret_is_rejected(self, env: str, secret: str) -> None:
        """32 bytes at least."""
        environ = {"APP_ENV": env, "JWT_SECRET": secret, "DATABASE_URL": "postgresql://x@y/z", "PUBLIC_URL": "http://x"}
        with pytest.raises(InvalidSettings, match="JWT_SECRET"):
            Settings.from_env(environ)

    def test_tokens_of_another_secret_are_rejected(
        self, make_application: Callable[..., Flask], token: Callable[..., str]
    ) -> None:
        """A cached token is valid only with its secret."""
        other = make_application(jwt_secret="another-secret-of-the-tests-32-bytes")
        sent = {"Authorization": f"Bearer {token()}"}
        assert other.test_client().get("/v1/tasks", headers=sent).status_code == 401


def test_duplicate_claims_have_no_effect(unauthenticated: Caller, forge: Forge) -> None:
    """JSON uses the last of two members, and the signature covers both."""
    claims = f'{{"sub":"alice","scope":"tasks","iat":{NOW - 1},"exp":{NOW + 600},"exp":1}}'.encode()
    token = forge.sign({"alg": "HS256"}, claims)
    assert segment(claims) in token
    described(unauthenticated, f"Bearer {token}")
