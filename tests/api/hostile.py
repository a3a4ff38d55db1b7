"""Tokens that the service must reject, by their fault."""

import time
from collections.abc import Iterator
from typing import Any

import jwt
from jwt.algorithms import RSAAlgorithm

from tests.api.forge import Forge, segment
from tests.fakes.issuer import AUDIENCE, KINDS, Issuer

KIDS = ("other", "", "../../../../dev/null", "/etc/passwd", "' OR 1=1--", "https://evil.test/key", "a" * 3000)
NAMED = {"kid": "RS256-1"}


def hostile(issuer: Issuer, other: Issuer, *, secret: str) -> dict[str, str]:
    """Return invalid tokens of an issuer, also those signed with the secret of the service."""
    made = [*_of_other_keys(issuer, other), *_of_other_headers(issuer), *_of_other_claims(issuer)]
    return dict([*made, *_of_secrets(issuer, secret)])


def raw(issuer: Issuer, payload: dict[str, Any], **head: Any) -> str:
    """Return a correctly signed token with any claims. The library would not sign some of them."""
    signing_input = f"{segment({'alg': 'RS256', 'typ': 'JWT', **NAMED, **head})}.{segment(payload)}"
    signature = RSAAlgorithm(RSAAlgorithm.SHA256).sign(signing_input.encode(), issuer.keys["RS256"])
    return f"{signing_input}.{segment(signature)}"


def _of_other_keys(issuer: Issuer, other: Issuer) -> Iterator[tuple[str, str]]:
    ours, theirs = issuer.keys["RS256"], other.keys["RS256"]
    head, payload, signature = issuer.token().split(".")
    yield "of the other's key", jwt.encode(issuer.claims(), theirs, algorithm="RS256", headers=NAMED)
    yield "in the other's name", jwt.encode(other.claims(), ours, algorithm="RS256", headers=NAMED)
    yield "without a kid", jwt.encode(issuer.claims(), ours, algorithm="RS256")
    yield "by RS512", jwt.encode(issuer.claims(), ours, algorithm="RS512", headers=NAMED)
    yield "by PS256", jwt.encode(issuer.claims(), ours, algorithm="PS256", headers=NAMED)
    yield "by ES256 with the name of RS256", issuer.token("ES256", head=NAMED)
    yield "of a third", issuer.token(iss="https://evil.test/")
    yield "unsigned", f"{head}.{payload}."
    yield "signed with zeros", f"{head}.{payload}.{'A' * len(signature)}"
    yield "changed", f"{head}.{segment(issuer.claims(sub='dave'))}.{signature}"
    yield "of four parts", f"{head}.{payload}.{signature}.AAAA"
    yield "too long", issuer.token(padding="x" * 9000)


def _of_other_headers(issuer: Issuer) -> Iterator[tuple[str, str]]:
    for kid in KIDS:
        yield f"kid {kid[:30]}", issuer.token(head={"kid": kid})
    _, payload, signature = issuer.token().split(".")
    algorithms: tuple[Any, ...] = ("none", "None", "nOnE", "HS256", "HS512", "rs256", "RS256 ", ["RS256"], None, 1, {})
    for algorithm in algorithms:
        signing_input = f"{segment({'alg': algorithm, **NAMED})}.{payload}"
        yield f"alg {algorithm}", f"{signing_input}.{signature}"
        yield f"alg {algorithm}, unsigned", f"{signing_input}."
    for name, value in (
        *(("crit", ["exp"]), ("crit", ["x5t"]), ("b64", False)),
        *(("typ", "logout+jwt"), ("typ", "dpop+jwt")),
    ):
        yield f"{name} {value}"[:40], issuer.token(head={name: value})


def _of_other_claims(issuer: Issuer) -> Iterator[tuple[str, str]]:
    now, url = int(time.time()), issuer.url
    wrong: dict[str, tuple[Any, ...]] = {
        "aud": (..., "other", AUDIENCE[:-1], AUDIENCE + "/", [], ["other"]),
        "exp": (..., now - 1, "9999999999", 10**30, True),
        "iat": (..., now + 60, "x"),
        "nbf": (now + 60,),
        "sub": (..., "", 1, None, "a\x00b", "x" * 256),
        "iss": (..., url[:-1], url + "x", url.upper(), [url], None, 1, {}),
    }
    for name, values in wrong.items():
        for value in values:
            yield f"{name} {value!r}"[:40], raw(issuer, issuer.claims(**{name: value}))


def _of_secrets(issuer: Issuer, secret: str) -> Iterator[tuple[str, str]]:
    """Yield tokens that the issuer has not signed: HMACs by its public keys in every spelling, and by the secret."""
    yield "HS256 by the service's secret, with its kid", Forge(secret).sign({"alg": "HS256", **NAMED}, issuer.claims())
    yield "RS256 by the service's secret", Forge(secret).sign({"alg": "RS256", **NAMED}, issuer.claims())
    for algorithm in KINDS:
        for number, spelling in enumerate(issuer.spellings(algorithm)):
            for kid in ({}, {"kid": f"{algorithm}-1"}):
                head = {"alg": "HS256", "typ": "JWT", **kid}
                yield f"{algorithm} as a secret {number} {kid}", Forge("").sign(head, issuer.claims(), spelling)
