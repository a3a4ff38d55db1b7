"""Tokens of other issuers: those signed with the issuers' keys (JWKS) are accepted, and no others (RFC 8725)."""

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, Final

import pytest
from flask import Flask

from app.config.issuers import Issuer as Named
from app.errs import Error
from app.models.claim_validation import DESCRIPTIONS
from tests.api.accounts import an_address, join
from tests.api.audit_hooks import watched
from tests.api.caller import TASKS, Caller, answered, rejected
from tests.api.conftest import Log
from tests.api.forge import Forge, described
from tests.api.hostile import hostile, raw
from tests.fakes.issuer import AUDIENCE, Issuer
from tests.fakes.remote import Remote, answers, is_silent

ALGORITHMS: Final = ("RS256", "ES256", "EdDSA")
SCOPES: Final = {"carol": ("tasks",), "dave": ("account",)}
OURS: Final = Issuer()
THEIRS: Final = Issuer("https://theirs.test")


@pytest.fixture(scope="module")
def remote() -> Iterator[Remote]:
    """Return the URL of the keys of both issuers."""
    made = Remote(answers(OURS.jwks()))
    yield made
    made.close()


@pytest.fixture(scope="module")
def other() -> Iterator[Remote]:
    """Return the key URL of the second issuer."""
    made = Remote(answers(THEIRS.jwks()))
    yield made
    made.close()


@pytest.fixture(scope="module")
def trusting(make_application: Callable[..., Flask], remote: Remote, other: Remote) -> Flask:
    """Return an application with two issuers, after it has fetched their keys."""
    named = (
        Named(url=OURS.url, jwks_url=f"{remote.url}/keys", audience=AUDIENCE, scopes=SCOPES),
        Named(url=THEIRS.url, jwks_url=f"{other.url}/keys", audience=AUDIENCE, scopes={"*": ("tasks", "account")}),
    )
    app = make_application(issuers=named, jwt_secret="z" * 32)
    for keys in app.extensions["app-services"].key_sets.values():
        keys.refresh()
    return app


@pytest.fixture
def external_caller(trusting: Flask, unauthenticated: Caller) -> Caller:
    """Return a caller of it without credentials; ``unauthenticated`` empties the tables afterwards."""
    assert unauthenticated
    return Caller(trusting.test_client(), {})


def with_token(caller: Caller, token: str) -> Caller:
    """Return the Authorization header with a token."""
    return Caller(caller.client, {"Authorization": f"Bearer {token}"})


class TestAccepted:
    @pytest.mark.parametrize("algorithm", ALGORITHMS)
    def test_ok(self, external_caller: Caller, algorithm: str) -> None:
        """The principal is the issuer and the subject."""
        carol = with_token(external_caller, OURS.token(algorithm))
        assert carol.task()["created_by"] == "https://issuer.test/#carol"
        assert carol.titles() == ["Buy milk"]

    def test_equal_subjects_of_two_issuers_are_two_users(self, external_caller: Caller) -> None:
        """Neither is a user of this service."""
        carols = [with_token(external_caller, each.token()) for each in (OURS, THEIRS)]
        carols.append(with_token(external_caller, Forge("z" * 32).token(sub="carol")))
        owners = {each.task()["created_by"] for each in carols}
        assert owners == {"https://issuer.test/#carol", "https://theirs.test#carol", "carol"}
        assert [each.titles() for each in carols] == [["Buy milk"]] * 3

    @pytest.mark.parametrize("scope", [..., "", "admin", "tasks admin", ["admin"], None, 1], ids=str)
    @pytest.mark.parametrize(
        ("sub", "status"), [("carol", 200), ("dave", 403), ("erin", 403), ("CAROL", 403), ("*", 403)]
    )
    def test_permissions_are_configured_and_not_claimed(
        self, external_caller: Caller, sub: str, status: int, scope: Any
    ) -> None:
        """Never admin, whatever the token contains."""
        caller = with_token(external_caller, OURS.token(sub=sub, scope=scope))
        assert caller.get(TASKS).status_code == status
        assert caller.get("/v1/logger").status_code == 403

    def test_a_subject_that_equals_the_id_of_a_user_is_not_that_user(
        self, external_caller: Caller, users: list[str]
    ) -> None:
        """IDs do not collide."""
        caller = with_token(external_caller, THEIRS.token(sub=users[0]))
        rejected(caller.get("/v1/users/me"), 404, "USER_NOT_FOUND")
        assert caller.get(f"/v1/users/{users[0]}").status_code == 403

    @pytest.mark.parametrize("head", [{"typ": "at+jwt"}, {"typ": "application/at+jwt"}, {"typ": "JWT"}, {"typ": "jwt"}])
    def test_every_type_of_an_access_token_is_accepted(self, external_caller: Caller, head: dict[str, Any]) -> None:
        answered(with_token(external_caller, OURS.token(head=head)).get(TASKS))

    @pytest.mark.parametrize("aud", [AUDIENCE, [AUDIENCE], ["other", AUDIENCE]], ids=str)
    def test_the_audience_of_this_service_is_accepted(self, external_caller: Caller, aud: Any) -> None:
        answered(with_token(external_caller, OURS.token(aud=aud)).get(TASKS))

    def test_it_can_be_revoked_by_its_issuer_only(self, external_caller: Caller) -> None:
        """RFC 7009, section 2.1: 200, and nothing happens."""
        token = OURS.token(jti="an-id")
        answered(external_caller.post("/v1/tokens:revoke", json={"token": token}))
        answered(with_token(external_caller, token).get(TASKS))


@pytest.fixture
def users(unauthenticated: Caller, app: Flask) -> list[str]:
    """Return the IDs of users."""
    return [join(unauthenticated, app, an_address())["id"]]


class TestRejected:
    def test_a_valid_raw_token_is_accepted(self, external_caller: Caller) -> None:
        """Otherwise the tests below would prove nothing."""
        answered(with_token(external_caller, raw(OURS, OURS.claims())).get(TASKS))

    def test_hostile_tokens_are_401_without_any_call(
        self, external_caller: Caller, remote: Remote, other: Remote
    ) -> None:
        """For a fixed set of reasons; the service opens no connection and no file for them."""
        external_caller.get(TASKS)
        before = remote.connections + other.connections
        tokens = hostile(OURS, THEIRS, secret="z" * 32)
        with watched() as seen:
            descriptions = {name: described(external_caller, f"Bearer {token}") for name, token in tokens.items()}
        assert {name: each for name, each in descriptions.items() if each not in DESCRIPTIONS} == {}
        assert seen == []
        assert remote.connections + other.connections == before

    def test_an_application_without_issuers_rejects_them_too(self, unauthenticated: Caller, forge: Forge) -> None:
        """Also those that are signed with the current secret."""
        unauthenticated.get(TASKS)
        tokens = hostile(OURS, THEIRS, secret=forge.secret)
        with watched() as seen:
            descriptions = {name: described(unauthenticated, f"Bearer {token}") for name, token in tokens.items()}
        assert {name: each for name, each in descriptions.items() if each not in DESCRIPTIONS} == {}
        assert seen == []

    def test_every_character_counts(self, external_caller: Caller) -> None:
        token = OURS.token("EdDSA")
        alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
        for at, character in enumerate(token):
            if character != ".":
                other = alphabet[alphabet.index(character) ^ 32]
                described(external_caller, f"Bearer {token[:at]}{other}{token[at + 1 :]}")

    def test_an_issuer_that_is_not_configured_is_unknown(self, unauthenticated: Caller) -> None:
        """An application accepts tokens only of configured issuers."""
        for algorithm in ALGORITHMS:
            described(unauthenticated, f"Bearer {OURS.token(algorithm)}")


class TestKeys:
    @pytest.fixture
    def issuer(self) -> Iterator[Remote]:
        """Return an issuer that does not answer yet."""
        made = Remote(is_silent)
        yield made
        made.close()

    @pytest.fixture
    def learning(self, make_application: Callable[..., Flask], issuer: Remote, unauthenticated: Caller) -> Caller:
        """Return a caller of an application that has not fetched any keys yet."""
        assert unauthenticated
        named = Named(url=OURS.url, jwks_url=f"{issuer.url}/keys?v=1", audience=AUDIENCE, scopes=SCOPES)
        return Caller(make_application(issuers=(named,)).test_client(), {})

    def keys(self, caller: Caller) -> Any:
        """Return the keys of the application."""
        (keys,) = caller.client.application.extensions["app-services"].key_sets.values()
        return keys

    def test_before_the_keys_are_known_tokens_cannot_be_verified(self, learning: Caller, issuer: Remote) -> None:
        """503, immediately; a token that is invalid in itself is still 401."""
        response = with_token(learning, OURS.token()).get(TASKS)
        assert rejected(response, 503, "SERVICE_UNAVAILABLE")["retry_after"] == 5
        described(learning, f"Bearer {OURS.token(iss='https://evil.test')}")
        assert issuer.connections == 0

    def test_known_keys_remain_valid_while_the_issuer_is_down(
        self, learning: Caller, issuer: Remote, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The service fetches them from the configured URL, whatever the token contains."""
        issuer.behave = answers(OURS.jwks(), media_type="application/jwk-set+json")
        self.keys(learning).refresh()
        assert issuer.heads[0].startswith("GET /keys?v=1 HTTP/1.1")
        issuer.behave = answers({"error": "out of order"}, 500)
        monkeypatch.setattr(self.keys(learning), "_requested_at", 0)
        with pytest.raises(Error):
            self.keys(learning).refresh()
        answered(with_token(learning, OURS.token()).get(TASKS))

    @pytest.mark.parametrize(
        "behaviour",
        [
            answers({}, 302, Location="http://127.0.0.1:1/keys"),
            answers(b"<html>", 200, "text/html"),
            answers(b'{"keys": [' + b" " * 300_000 + b"]}"),
            answers({"keys": "none"}),
        ],
    )
    def test_an_invalid_key_set_changes_nothing(self, learning: Caller, issuer: Remote, behaviour: Any) -> None:
        """The size of a response is limited, and redirects are not followed."""
        issuer.behave = behaviour
        with pytest.raises(Error):
            self.keys(learning).refresh()
        rejected(with_token(learning, OURS.token()).get(TASKS), 503, "SERVICE_UNAVAILABLE")

    def test_the_log_contains_the_failure_to_fetch_keys_and_the_recovery(
        self, learning: Caller, issuer: Remote, log: Log, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """C5: once each time, whatever the issuer answers instead."""
        for behaviour in (
            answers({}, 404),
            answers(b"<html>", 200, "text/html"),
            answers(OURS.jwks()),
            answers(OURS.jwks()),
        ):
            issuer.behave = behaviour
            monkeypatch.setattr(self.keys(learning), "_requested_at", 0)
            with suppress(Error):
                self.keys(learning).refresh()
        missing, known = log.of("candor.jwks")
        assert (missing["level"], missing["message"]) == ("WARNING", f"could not fetch signing keys of {OURS.url}")
        assert missing["causes"]
        assert (known["level"], known["keys"]) == ("INFO", 3)

    def test_a_new_key_is_soon_known_and_a_retired_one_is_rejected(
        self, learning: Caller, issuer: Remote, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        issuer.behave = answers({"keys": [OURS.jwk("RS256")]})
        self.keys(learning).refresh()
        issuer.behave = answers({"keys": [OURS.jwk("ES256")]})
        described(learning, f"Bearer {OURS.token('ES256')}")
        answered(with_token(learning, OURS.token("RS256")).get(TASKS))
        monkeypatch.setattr(self.keys(learning), "_requested_at", time.monotonic() - 5)
        self.keys(learning).refresh()
        answered(with_token(learning, OURS.token("ES256")).get(TASKS))
        described(learning, f"Bearer {OURS.token('RS256')}")
