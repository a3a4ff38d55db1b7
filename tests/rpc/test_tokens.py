"""Bearer tokens over gRPC: the same ones are taken and refused as over HTTP."""

from typing import Any, Final

import grpc
import pytest

from app.config import Settings
from app.models.claims import MALFORMED, WRONG_CLAIMS
from tests.api.forge import Forge
from tests.api.jose import ABSURD, IGNORED
from tests.rpc.client import Client
from tests.rpc.samples import REQUESTS

MOMENTS: Final = ("exp", "nbf", "iat")


@pytest.fixture
def forge(settings: Settings) -> Forge:
    """Return a forge that knows the secret."""
    return Forge(settings.jwt_secret)


@pytest.fixture
def bearing(alice: Client) -> Any:
    """Return a maker of clients that send a token."""
    return lambda token: Client(alice.channel, token)


def test_header_parameters_that_are_not_understood_are_ignored(bearing: Any, forge: Forge) -> None:
    """RFC 7515, section 4."""
    for name, value in IGNORED.items():
        bearing(forge.token(head={name: value})).call("ListTasks", REQUESTS["ListTasks"])


def test_critical_extensions_are_not_understood(bearing: Any, forge: Forge) -> None:
    """RFC 7515, section 4.1.11."""
    for value in ([], ["exp"], ["x5t"], "x5t", None):
        failure = bearing(forge.token(head={"crit": value})).refused("ListTasks", REQUESTS["ListTasks"])
        assert (failure.code, failure.reason) == (grpc.StatusCode.UNAUTHENTICATED, "INVALID_TOKEN")
        assert failure.facts["description"] == MALFORMED


@pytest.mark.parametrize("claim", MOMENTS)
def test_an_absurd_moment_is_unauthenticated(bearing: Any, forge: Forge, claim: str) -> None:
    """RFC 7519, section 2."""
    for value in ABSURD:
        changed: dict[str, Any] = {claim: value}
        failure = bearing(forge.token(**changed)).refused("ListTasks", REQUESTS["ListTasks"])
        assert (failure.code, failure.reason) == (grpc.StatusCode.UNAUTHENTICATED, "INVALID_TOKEN"), value
        assert failure.facts["description"] == WRONG_CLAIMS, value
