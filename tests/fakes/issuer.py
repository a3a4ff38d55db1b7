"""An issuer of tokens: keys of every kind, and signed tokens."""

import json
import time
from typing import Any, Final

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

AUDIENCE: Final = "https://candor.test"
KINDS: Final = {"RS256": RSAAlgorithm, "ES256": ECAlgorithm, "EdDSA": OKPAlgorithm}


class Issuer:
    """Signs tokens by three algorithms, with a key for each."""

    def __init__(self, url: str = "https://issuer.test/") -> None:
        self.url = url
        self.keys: dict[str, Any] = {
            "RS256": rsa.generate_private_key(public_exponent=65537, key_size=2048),
            "ES256": ec.generate_private_key(ec.SECP256R1()),
            "EdDSA": ed25519.Ed25519PrivateKey.generate(),
        }

    def jwk(self, algorithm: str, **changes: Any) -> dict[str, Any]:
        """Return the public key for an algorithm, in the format of a key set; ``...`` removes a member."""
        jwk = json.loads(KINDS[algorithm].to_jwk(self.keys[algorithm].public_key()))  # type: ignore[attr-defined]
        jwk = {**jwk, "kid": f"{algorithm}-1", "use": "sig", "alg": algorithm, **changes}
        return {name: value for name, value in jwk.items() if value is not ...}

    def jwks(self) -> dict[str, Any]:
        """Return all public keys."""
        return {"keys": [self.jwk(algorithm) for algorithm in self.keys]}

    def claims(self, **changes: Any) -> dict[str, Any]:
        """Return valid claims with changes; ``...`` removes a claim."""
        now = int(time.time())
        valid = {"iss": self.url, "aud": AUDIENCE, "sub": "carol", "iat": now, "exp": now + 600}
        return {name: value for name, value in {**valid, **changes}.items() if value is not ...}

    def token(self, algorithm: str = "RS256", *, head: dict[str, Any] | None = None, **claims: Any) -> str:
        """Return a correctly signed token, with changes to its header and claims."""
        header = {"kid": f"{algorithm}-1", **(head or {})}
        return jwt.encode(self.claims(**claims), self.keys[algorithm], algorithm=algorithm, headers=header)

    def spellings(self, algorithm: str) -> list[bytes]:
        """Return a public key in every format that could be used as a secret."""
        public = self.keys[algorithm].public_key()
        pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        jwk = self.jwk(algorithm)
        return [
            *(pem, pem.strip(), pem.replace(b"\n", b"\r\n")),
            public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
            *(public.public_bytes(Encoding.PEM, PublicFormat.PKCS1) for _ in range(algorithm == "RS256")),
            *(
                json.dumps(jwk).encode(),
                json.dumps(jwk, separators=(",", ":")).encode(),
                json.dumps(self.jwks()).encode(),
            ),
            *(jwk[part].encode() for part in ("n", "x") if part in jwk),
        ]
