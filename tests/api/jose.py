"""Header parameters of JWTs that a verifier may ignore, and values of time claims that are not moments."""

from collections.abc import Mapping
from typing import Any, Final

IGNORED: Final[Mapping[str, Any]] = {
    "jku": "https://evil.test/jwks",
    "jwk": {"kty": "oct", "k": "AAAA"},
    "x5u": "https://evil.test/cert",
    "x5c": ["MIIB"],
    "x5t": "i6lGk3FZzxRcUb2C3nEQ7syHJlY",
    "x5t#S256": "AAAA",
    "cty": "JWT",
    "b64": True,
    "enc": "A256GCM",
    "zip": "DEF",
    "epk": {"kty": "EC"},
    "apu": "AAAA",
    "apv": "AAAA",
    "iv": "AAAA",
    "tag": "AAAA",
    "p2s": "AAAA",
    "p2c": 10**9,
    "iss": "https://evil.test",
    "sub": "root",
    "aud": "https://evil.test",
    "url": "https://evil.test/acme",
    "nonce": "AAAA",
    "svt": ["AAAA"],
    "ppt": "shaken",
    "iheSSId": "AAAA",
    "trust_chain": ["AAAA"],
    "exp": 1,
    "nbf": 10**12,
    "made-up": {"of": ["anything", None, 1e308, True]},
    "": "",
}
"""The registered parameters (IANA, JSON Web Signature and Encryption Header Parameters), and some others."""

ABSURD: Final[tuple[Any, ...]] = (
    *(10**400, -(10**400), 10**30, 253402300800, -1),
    *(1e30, -0.5, float("nan"), float("inf"), float("-inf")),
    *("9999999999", "NaN", "soon", "", True, False, None, [], [1], {}, {"a": 1}),
)
"""Values that are not a moment between 1970 and 9999: as ``exp``, ``nbf`` or ``iat``, they make a token invalid."""
