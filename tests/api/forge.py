"""Valid and forged tokens, and the challenges of the responses to them."""

import base64
import hmac
import json
import re
import time
from typing import Any

from tests.api.caller import TASKS, Caller


def segment(value: object) -> str:
    """Return a segment of a JWT: a JSON value or bytes, encoded."""
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


class Forge:
    """Makes valid and forged tokens."""

    def __init__(self, secret: str) -> None:
        self.secret = secret

    def claims(self, **changes: Any) -> dict[str, Any]:
        """Return valid claims with changes; ``...`` removes a claim."""
        now = int(time.time())
        claims = {"sub": "alice", "scope": "tasks", "iat": now, "exp": now + 600, **changes}
        return {name: value for name, value in claims.items() if value is not ...}

    def sign(self, head: object, payload: object, secret: str | bytes | None = None, digest: str = "sha256") -> str:
        """Return a signed token."""
        key = self.secret if secret is None else secret
        signing_input = f"{segment(head)}.{segment(payload)}"
        mac = hmac.digest(key.encode() if isinstance(key, str) else key, signing_input.encode(), digest)
        return f"{signing_input}.{segment(mac)}"

    def token(self, *, head: dict[str, Any] | None = None, **claims: Any) -> str:
        """Return a correctly signed token with changes to its header and claims."""
        return self.sign({"alg": "HS256", "typ": "JWT", **(head or {})}, self.claims(**claims))


def described(caller: Caller, authorization: str, path: str = TASKS) -> str | None:
    """Return the description in the challenge of the empty 401 response to this Authorization header."""
    response = caller.get(path, environ_overrides={"HTTP_AUTHORIZATION": authorization})
    assert response.status_code == 401, authorization
    challenge = response.headers["WWW-Authenticate"]
    if challenge == 'Bearer realm="candor"':
        return None
    pattern = r'Bearer realm="candor", error="invalid_token", error_description="([^"]*)"'
    found = re.fullmatch(pattern, challenge)
    assert found, challenge
    return found[1]
