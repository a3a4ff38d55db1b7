"""No operation accepts a common password (NIST SP 800-63B, section 5.1.1.2)."""

from typing import Any, Final

import pytest
from flask import Flask

from tests.api.accounts import PASSWORD, an_address, join, log_in, logged_in, mails, register
from tests.api.caller import Caller, answered, violated

SETTING: Final = {
    "POST /v1/users:activate",
    "POST /v1/users:resetPassword",
    "PUT /v1/users/me/password",
}
LISTED: Final = ("password", "12345678", " " * 8, "Password1!", "qwertyuiop")


def send(unauthenticated: Caller, app: Flask, operation: str, email: str) -> tuple[Caller, dict[str, Any]]:
    """Return a caller who can set a password of this account with this operation, and the rest of the body."""
    if operation == "POST /v1/users:activate":
        register(unauthenticated, email)
        return unauthenticated, {"token": mails(app, email)[-1]["token"]}
    join(unauthenticated, app, email)
    if operation == "PUT /v1/users/me/password":
        return logged_in(unauthenticated, email)[0], {"current_password": PASSWORD}
    answered(unauthenticated.post("/v1/users:requestPasswordReset", json={"email": email}), 202)
    return unauthenticated, {"token": mails(app, email)[-1]["token"]}


def test_these_operations_set_a_password(app: Flask) -> None:
    """The OpenAPI document lists these; add a new one here. It must reject common passwords."""
    document = app.test_client().get("/openapi.json").get_json()
    found = set()
    for path, item in document["paths"].items():
        for method, operation in item.items():
            body = operation.get("requestBody", {}) if isinstance(operation, dict) else {}
            schema = body.get("content", {}).get("application/json", {}).get("schema", {})
            name = schema.get("$ref", "").rpartition("/")[2]
            members = document["components"]["schemas"].get(name, schema).get("properties", {})
            if "minLength" in members.get("password", {}):
                found.add(f"{method.upper()} {path}")
    assert found == SETTING


@pytest.mark.parametrize("operation", sorted(SETTING))
class TestEveryOperation:
    def test_a_common_password_is_rejected_without_side_effects(
        self, unauthenticated: Caller, app: Flask, operation: str
    ) -> None:
        """With the reason, and without the password; the token and the session remain valid."""
        method, path = operation.split()
        email = an_address()
        caller, rest = send(unauthenticated, app, operation, email)
        for password in (*LISTED, email, email.partition("@")[0] + "!!!", "alice1234"):
            response = caller.send(method, path, json={**rest, "password": password})
            assert violated(response) == [("password", "TOO_COMMON")]
            message = response.get_json()["errors"][0]["message"]
            assert message.startswith(("password is ", "password repeats "))
            assert password == "password" or password not in message
        answered(caller.send(method, path, json={**rest, "password": "quite another one"}))
        answered(log_in(unauthenticated, email, "quite another one"))
