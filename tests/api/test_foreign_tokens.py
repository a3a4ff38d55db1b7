"""Tokens of other issuers, by their keys (JWKS): whose are taken, and that nothing else ever is (RFC 8725)."""

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, Final

import pytest
from flask import Flask

from app.config.issuers import Issuer as Named
from app.errs import Error
from app.models.claims import DESCRIPTIONS
from tests.api.accounts import an_address, join
from tests.api.audit_hooks import watched
from tests.api.caller import TASKS, Caller, answered, refused
from tests.api.conftest import Log
from tests.api.forge import Forge, described
from tests.api.hostile import hostile, raw
from tests.fakes.issuer import AUDIENCE, Issuer
from tests.fakes.remote import Remote, is_silent, says

ALGORITHMS: Final = ("RS256", "ES256", "EdDSA")
SCOPES: Final = {"carol": ("tasks",), "dave": ("orders",)}
OURS: Final = Issuer()
THEIRS: Final = Issuer("https://theirs.test")


@pytest.fixture(scope="module")
def remote() -> Iterator[Remote]:
    """Return where the keys of both are asked for."""
    made = Remote(says(OURS.jwks()))
    yield made
    made.close()


@pytest.fixture(scope="module")
def other() -> Iterator[Remote]:
    """Return the same of the second issuer."""
    made = Remote(says(THEIRS.jwks()))
    yield made
    made.close()


@pytest.fixture(scope="module")
def trusting(make_application: Callable[..., Flask], remote: Remote, other: Remote) -> Flask:
    """Return an application that knows two issuers, and has their keys."""
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
    """Return a caller of it without credentials; ``nobody`` has the tables emptied."""
    assert unauthenticated
    return Caller(trusting.test_client(), {})


def bearing(caller: Caller, token: str) -> Caller:
    """Return the bearer of a token."""
    return Caller(caller.client, {"Authorization": f"Bearer {token}"})


class TestTaken:
    @pytest.mark.parametrize("algorithm", ALGORITHMS)
    def test_ok(self, external_caller: Caller, algorithm: str) -> None:
        """3.4: the principal is issuer and subject."""
        carol = bearing(external_caller, OURS.token(algorithm))
        assert carol.task()["created_by"] == "https://issuer.test/#carol"
        assert carol.titles() == ["Buy milk"]

    def test_equal_subjects_of_two_issuers_are_two(self, external_caller: Caller) -> None:
        """Nor are they ours."""
        carols = [bearing(external_caller, each.token()) for each in (OURS, THEIRS)]
        carols.append(bearing(external_caller, Forge("z" * 32).token(sub="carol")))
        owners = {each.task()["created_by"] for each in carols}
        assert owners == {"https://issuer.test/#carol", "https://theirs.test#carol", "carol"}
        assert [each.titles() for each in carols] == [["Buy milk"]] * 3

    @pytest.mark.parametrize("scope", [..., "", "admin", "tasks admin", ["admin"], None, 1], ids=str)
    @pytest.mark.parametrize(
        ("sub", "status"), [("carol", 200), ("dave", 403), ("erin", 403), ("CAROL", 403), ("*", 403)]
    )
    def test_what_one_may_do_is_configured_and_not_claimed(
        self, external_caller: Caller, sub: str, status: int, scope: Any
    ) -> None:
        """3.4: never admin, whatever the token says."""
        caller = bearing(external_caller, OURS.token(sub=sub, scope=scope))
        assert caller.get(TASKS).status_code == status
        assert caller.get("/v1/logger").status_code == 403

    def test_whose_id_is_a_user_s_is_not_that_user(self, external_caller: Caller, users: list[str]) -> None:
        """3.4: ids do not collide."""
        caller = bearing(external_caller, THEIRS.token(sub=users[0]))
        refused(caller.get("/v1/users/me"), 404, "USER_NOT_FOUND")
        assert caller.get(f"/v1/users/{users[0]}").status_code == 403

    @pytest.mark.parametrize("head", [{"typ": "at+jwt"}, {"typ": "application/at+jwt"}, {"typ": "JWT"}, {"typ": "jwt"}])
    def test_of_any_type_of_an_access_token(self, external_caller: Caller, head: dict[str, Any]) -> None:
        answered(bearing(external_caller, OURS.token(head=head)).get(TASKS))

    @pytest.mark.parametrize("aud", [AUDIENCE, [AUDIENCE], ["other", AUDIENCE]], ids=str)
    def test_for_us(self, external_caller: Caller, aud: Any) -> None:
        answered(bearing(external_caller, OURS.token(aud=aud)).get(TASKS))

    def test_it_can_be_revoked_by_its_issuer_only(self, external_caller: Caller) -> None:
        """RFC 7009, section 2.1: 200, and nothing happens."""
        token = OURS.token(jti="an-id")
        answered(external_caller.post("/v1/tokens:revoke", json={"token": token}))
        answered(bearing(external_caller, token).get(TASKS))


@pytest.fixture
def users(unauthenticated: Caller, app: Flask) -> list[str]:
    """Return the ids of users."""
    return [join(unauthenticated, app, an_address())["id"]]


class TestRefused:
    def test_what_is_raw_and_good_is_taken(self, external_caller: Caller) -> None:
        """Else what follows would prove nothing."""
        answered(bearing(external_caller, raw(OURS, OURS.claims())).get(TASKS))

    def test_hostile_tokens_are_401_and_nobody_is_asked(
        self, external_caller: Caller, remote: Remote, other: Remote
    ) -> None:
        """For a fixed set of reasons; no connection is opened for them, and no file."""
        external_caller.get(TASKS)
        asked = remote.connections + other.connections
        tokens = hostile(OURS, THEIRS, secret="z" * 32)
        with watched() as seen:
            said = {name: described(external_caller, f"Bearer {token}") for name, token in tokens.items()}
        assert {name: each for name, each in said.items() if each not in DESCRIPTIONS} == {}
        assert seen == []
        assert remote.connections + other.connections == asked

    def test_nor_does_who_knows_no_issuer_take_them(self, unauthenticated: Caller, forge: Forge) -> None:
        """Signed with the secret that is in force, too."""
        unauthenticated.get(TASKS)
        tokens = hostile(OURS, THEIRS, secret=forge.secret)
        with watched() as seen:
            said = {name: described(unauthenticated, f"Bearer {token}") for name, token in tokens.items()}
        assert {name: each for name, each in said.items() if each not in DESCRIPTIONS} == {}
        assert seen == []

    def test_every_character_counts(self, external_caller: Caller) -> None:
        token = OURS.token("EdDSA")
        alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
        for at, character in enumerate(token):
            if character != ".":
                other = alphabet[alphabet.index(character) ^ 32]
                described(external_caller, f"Bearer {token[:at]}{other}{token[at + 1 :]}")

    def test_an_issuer_that_nobody_named_is_nobody(self, unauthenticated: Caller) -> None:
        """3.4: when configured."""
        for algorithm in ALGORITHMS:
            described(unauthenticated, f"Bearer {OURS.token(algorithm)}")


class TestKeys:
    @pytest.fixture
    def issuer(self) -> Iterator[Remote]:
        """Return an issuer that says nothing yet."""
        made = Remote(is_silent)
        yield made
        made.close()

    @pytest.fixture
    def learning(self, make_application: Callable[..., Flask], issuer: Remote, unauthenticated: Caller) -> Caller:
        """Return a caller of an application that has asked for no keys yet."""
        assert unauthenticated
        named = Named(url=OURS.url, jwks_url=f"{issuer.url}/keys?v=1", audience=AUDIENCE, scopes=SCOPES)
        return Caller(make_application(issuers=(named,)).test_client(), {})

    def keys(self, caller: Caller) -> Any:
        """Return the keys of the application."""
        (keys,) = caller.client.application.extensions["app-services"].key_sets.values()
        return keys

    def test_before_they_are_known_nobody_can_tell(self, learning: Caller, issuer: Remote) -> None:
        """3.4: 503, at once; what is wrong in itself is 401 all the same."""
        response = bearing(learning, OURS.token()).get(TASKS)
        assert refused(response, 503, "SERVICE_UNAVAILABLE")["retry_after"] == 5
        described(learning, f"Bearer {OURS.token(iss='https://evil.test')}")
        assert issuer.connections == 0

    def test_once_they_are_known_they_are_good_though_the_issuer_is_away(
        self, learning: Caller, issuer: Remote, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """3.4: and asked for where it was said, no matter what the token says."""
        issuer.behave = says(OURS.jwks(), media_type="application/jwk-set+json")
        self.keys(learning).refresh()
        assert issuer.heads[0].startswith("GET /keys?v=1 HTTP/1.1")
        issuer.behave = says({"error": "out of order"}, 500)
        monkeypatch.setattr(self.keys(learning), "_requested_at", 0)
        with pytest.raises(Error):
            self.keys(learning).refresh()
        answered(bearing(learning, OURS.token()).get(TASKS))

    @pytest.mark.parametrize(
        "behaviour",
        [
            says({}, 302, Location="http://127.0.0.1:1/keys"),
            says(b"<html>", 200, "text/html"),
            says(b'{"keys": [' + b" " * 300_000 + b"]}"),
            says({"keys": "none"}),
        ],
    )
    def test_what_is_no_set_of_keys_teaches_nothing(self, learning: Caller, issuer: Remote, behaviour: Any) -> None:
        """3.4: bounded in size, and never elsewhere."""
        issuer.behave = behaviour
        with pytest.raises(Error):
            self.keys(learning).refresh()
        refused(bearing(learning, OURS.token()).get(TASKS), 503, "SERVICE_UNAVAILABLE")

    def test_the_log_tells_when_they_cannot_be_had_and_when_they_can(
        self, learning: Caller, issuer: Remote, log: Log, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """C5: once each time, whatever the issuer says instead."""
        for behaviour in (says({}, 404), says(b"<html>", 200, "text/html"), says(OURS.jwks()), says(OURS.jwks())):
            issuer.behave = behaviour
            monkeypatch.setattr(self.keys(learning), "_requested_at", 0)
            with suppress(Error):
                self.keys(learning).refresh()
        missing, known = log.of("candor.jwks")
        assert (missing["level"], missing["message"]) == ("WARNING", f"could not fetch signing keys of {OURS.url}")
        assert missing["causes"]
        assert (known["level"], known["keys"]) == ("INFO", 3)

    def test_a_new_key_is_known_soon_and_a_retired_one_is_refused(
        self, learning: Caller, issuer: Remote, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        issuer.behave = says({"keys": [OURS.jwk("RS256")]})
        self.keys(learning).refresh()
        issuer.behave = says({"keys": [OURS.jwk("ES256")]})
        described(learning, f"Bearer {OURS.token('ES256')}")
        answered(bearing(learning, OURS.token("RS256")).get(TASKS))
        monkeypatch.setattr(self.keys(learning), "_requested_at", time.monotonic() - 5)
        self.keys(learning).refresh()
        answered(bearing(learning, OURS.token("ES256")).get(TASKS))
        described(learning, f"Bearer {OURS.token('RS256')}")
