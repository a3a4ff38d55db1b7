"""C6, C7: the service accepts only the tokens that it signed (RFC 6750, RFC 7519, RFC 8725)."""

import base64
import hashlib
import hmac
from collections.abc import Callable
from typing import Any, Final

import pytest
from flask import Flask
from sqlalchemy import event

from app.extensions import db
from app.models.claim_validation import DESCRIPTIONS
from app.wire.credentials import SEVERAL
from tests.api.caller import ABSENT, TASKS, Caller, answered
from tests.api.conftest import Log
from tests.api.forge import Forge, described, segment

DIGESTS: Final = {"HS256": "sha256", "HS384": "sha384", "HS512": "sha512"}
PUBLIC_KEY: Final = "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE\n-----END PUBLIC KEY-----"


class TestCredentials:
    """The header field of credentials, and its syntax."""

    @pytest.mark.parametrize("scheme", ["Bearer ", "bearer ", "BEARER ", "Bearer    ", " Bearer "])
    def test_a_valid_token_is_accepted(self, unauthenticated: Caller, forge: Forge, scheme: str) -> None:
        """The scheme in any case, one or more spaces."""
        answered(unauthenticated.get(TASKS, headers={"Authorization": scheme + forge.token()}))

    @pytest.mark.parametrize(
        "sent",
        ["", " ", "Basic YWxpY2U6eA==", "Digest username=x", "Token x", "Negotiate x", "x", "BearerX y", "Bear er x"],
    )
    def test_another_scheme_counts_as_no_credentials(self, unauthenticated: Caller, sent: str) -> None:
        """C6, C7: the bare challenge."""
        assert described(unauthenticated, sent) is None

    def test_a_request_without_the_header_has_no_credentials(self, unauthenticated: Caller) -> None:
        """C6."""
        response = unauthenticated.get(TASKS)
        assert (response.status_code, response.headers["WWW-Authenticate"]) == (401, 'Bearer realm="candor"')

    @pytest.mark.parametrize(
        "sent",
        [
            "Bearer",
            "Bearer ",
            "Bearer a b",
            "Bearer \x00",
            "Bearer é",
            'Bearer "{}"',
            "Bearer {} x",
            "Bearer {},",
            "Bearer\t{}",
            "@@@",
        ],
        ids=ascii,
    )
    def test_a_malformed_header_is_rejected(self, unauthenticated: Caller, forge: Forge, sent: str) -> None:
        """C7: the same 401."""
        assert described(unauthenticated, sent.replace("{}", forge.token())) in DESCRIPTIONS

    @pytest.mark.parametrize("other", ["Bearer {}", "Bearer x", "Basic eDp5", "Digest x=y"])
    @pytest.mark.parametrize("first", [True, False])
    def test_two_headers_are_rejected(self, unauthenticated: Caller, forge: Forge, other: str, first: bool) -> None:
        """C7: as two fields and joined by a comma, even if both are valid."""
        pair = [f"Bearer {forge.token()}", other.replace("{}", forge.token())]
        pair = pair if first else pair[::-1]
        headers = [("Authorization", each) for each in pair]
        response = unauthenticated.client.get(TASKS, headers=headers)
        assert response.status_code == 401
        assert SEVERAL in response.headers["WWW-Authenticate"]
        assert described(unauthenticated, ", ".join(pair)) == SEVERAL
        assert described(unauthenticated, ",".join(pair)) == SEVERAL

    def test_a_token_elsewhere_is_ignored(self, unauthenticated: Caller, forge: Forge, log: Log) -> None:
        """Not in the query, the body or a cookie; and it is not logged."""
        token = forge.token()
        responses = [
            unauthenticated.get(TASKS, query_string={"access_token": token}),
            unauthenticated.post(json={"access_token": token}),
            unauthenticated.post(data={"access_token": token}),
            unauthenticated.get(TASKS, headers={"Cookie": f"access_token={token}; session={token}"}),
            unauthenticated.get(TASKS, headers={"X-Authorization": f"Bearer {token}", "X-Access-Token": token}),
        ]
        assert [each.status_code for each in responses] == [401] * 5
        assert token not in "".join(log.lines)


class TestSignature:
    """Only tokens of the service, with the one algorithm (RFC 8725, section 3.1)."""

    @pytest.mark.parametrize(
        "alg", ["none", "None", "nOnE", "NONE", "", "RS256", "ES256", "HS384", "HS512", "hs256", "HS256 "]
    )
    def test_the_algorithm_is_fixed(self, unauthenticated: Caller, forge: Forge, alg: str) -> None:
        """For any value in the header, and any signature."""
        head, payload = {"alg": alg, "typ": "JWT"}, forge.claims()
        signing_input = f"{segment(head)}.{segment(payload)}"
        signed = [forge.sign(head, payload, digest=digest) for digest in DIGESTS.values()]
        for token in (f"{signing_input}.", signing_input, f"{signing_input}.{segment(b'x' * 32)}", *signed):
            assert described(unauthenticated, f"Bearer {token}") in DESCRIPTIONS

    @pytest.mark.parametrize("alg", [["HS256"], None, 256, True, {"HS256": 1}, [], ...], ids=str)
    def test_an_algorithm_of_another_type_is_rejected(self, unauthenticated: Caller, forge: Forge, alg: Any) -> None:
        head = {"typ": "JWT"} if alg is ... else {"alg": alg}
        assert described(unauthenticated, f"Bearer {forge.sign(head, forge.claims())}") in DESCRIPTIONS

    @pytest.mark.parametrize(
        "secret",
        [
            "",
            "secret",
            "null",
            PUBLIC_KEY,
            PUBLIC_KEY + "\n",
            base64.b64encode(PUBLIC_KEY.encode()),
            '{"kty":"RSA"}',
            b"\x00" * 32,
        ],
        ids=lambda secret: repr(secret)[:20],
    )
    def test_another_secret_is_rejected(self, unauthenticated: Caller, forge: Forge, secret: str | bytes) -> None:
        """Empty ones and public keys too."""
        token = forge.sign({"alg": "HS256"}, forge.claims(), secret)
        assert described(unauthenticated, f"Bearer {token}") == "The signature is not valid"

    def test_every_character_of_a_token_counts(self, unauthenticated: Caller, forge: Forge) -> None:
        """The last one of the signature too, of which two bits have no effect."""
        token = forge.token()
        alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
        for at, character in enumerate(token):
            if character != ".":
                other = alphabet[alphabet.index(character) ^ 1]
                described(unauthenticated, f"Bearer {token[:at]}{other}{token[at + 1 :]}")

    @pytest.mark.parametrize("extra", ["~", "=", "==", "+", "/", "A", ".", ".A", "~~~~"])
    def test_additions_to_it_are_rejected(self, unauthenticated: Caller, forge: Forge, extra: str) -> None:
        """One spelling per token; base64url without padding (RFC 7515, section 2)."""
        token = forge.token()
        assert described(unauthenticated, f"Bearer {token}{extra}") in DESCRIPTIONS
        assert described(unauthenticated, "Bearer " + token.replace(".", extra + ".", 1)) in DESCRIPTIONS

    @pytest.mark.parametrize("count", [1, 2, 4, 5])
    def test_a_token_has_three_parts(self, unauthenticated: Caller, forge: Forge, count: int) -> None:
        """Truncated, or as long as an encrypted one."""
        parts = [*forge.token().split("."), "AAAA", "AAAA"]
        assert described(unauthenticated, "Bearer " + ".".join(parts[:count])) == "The token is malformed"

    def test_a_long_token_is_not_parsed(self, unauthenticated: Caller, forge: Forge) -> None:
        """10 KB of kid, correctly signed."""
        assert (
            described(unauthenticated, f"Bearer {forge.token(head={'kid': 'k' * 10240})}") == "The token is malformed"
        )

    @pytest.mark.parametrize(
        "head",
        [
            {"crit": ["exp"]},
            {"crit": []},
            {"b64": False, "crit": ["b64"]},
            {"b64": False},
            {"kid": ["a"]},
            {"kid": 1},
            {"kid": None},
            {"typ": None},
            {"typ": "dpop+jwt"},
        ],
        ids=str,
    )
    def test_a_header_that_would_change_the_rules_is_rejected(
        self, unauthenticated: Caller, forge: Forge, head: dict[str, Any]
    ) -> None:
        """RFC 7515, section 4.1.11, RFC 7797, section 6, RFC 8725, section 3.11: although it is correctly signed."""
        assert described(unauthenticated, f"Bearer {forge.token(head=head)}") == "The token is malformed"

    @pytest.mark.parametrize("kid", ["../../dev/null", "' OR 1=1--", "\x00", "https://evil.test/key", "k" * 2000])
    def test_a_kid_has_no_effect(self, unauthenticated: Caller, forge: Forge, kid: str) -> None:
        """It causes no file access, query or connection; an empty key signs nothing."""
        token = forge.sign({"alg": "HS256", "kid": kid}, forge.claims(), "")
        assert described(unauthenticated, f"Bearer {token}") == "The signature is not valid"

    @pytest.mark.parametrize(
        "payload",
        [[], "alice", 1, None, True, b"{", b"\xff", b"", b'{"sub":"alice"', b"[" * 2000],
        ids=lambda each: repr(each)[:20],
    )
    def test_a_payload_that_is_not_an_object_is_rejected(
        self, unauthenticated: Caller, forge: Forge, payload: object
    ) -> None:
        """Signed or not, it is 401."""
        assert described(unauthenticated, f"Bearer {forge.sign({'alg': 'HS256'}, payload)}") in DESCRIPTIONS
        assert described(unauthenticated, f"Bearer {forge.sign(payload, forge.claims())}") in DESCRIPTIONS


class TestBeforeOtherChecks:
    """C9: an invalid token costs almost nothing."""

    @pytest.mark.parametrize("authorization", ["", "Bearer x.y.z", "Bearer {}x"])
    def test_neither_body_nor_database_is_used(
        self, unauthenticated: Caller, app: Flask, forge: Forge, authorization: str
    ) -> None:
        """10 MB or nonsense for a body; still 401."""
        checkouts: list[object] = []

        def note(*args: object) -> None:
            checkouts.append(args)

        with app.app_context():
            event.listen(db.engine, "checkout", note)
        sent = {"Authorization": authorization.replace("{}", forge.token())}
        for body in (b"{]", b" " * 10_000_000, b""):
            for method, path in (("POST", TASKS), ("PATCH", ABSENT), ("DELETE", ABSENT)):
                response = unauthenticated.send(method, path, data=body, headers=sent, content_type="text/plain")
                assert response.status_code == 401
        with app.app_context():
            event.remove(db.engine, "checkout", note)
        assert checkouts == []


def test_a_correct_secret_of_the_digest_s_size_is_accepted(forge: Forge, token: Callable[..., str]) -> None:
    """The forge makes the same tokens as the service; otherwise the tests above would prove nothing."""
    head, payload, mac = token().split(".")
    assert segment(hmac.digest(forge.secret.encode(), f"{head}.{payload}".encode(), hashlib.sha256)) == mac
