"""Bearer tokens over gRPC: the same ones are accepted and rejected as over HTTP."""

from typing import Any, Final

import grpc
import pytest

from app.config import Settings
from app.models.claim_validation import MALFORMED, WRONG_CLAIMS
from tests.api.forge import Forge
from tests.api.jose import ABSURD, IGNORED
from tests.rpc.client import Client
from tests.rpc.samples import REQUESTS

MOMENTS: Final = ("exp", "nbf", "iat")


@pytest.fixture
def forge(settings: Settings) -> Forge:
    """Return a token factory that knows the secret."""
    return Forge(settings.jwt_secret)


@pytest.fixture
def make_client(alice: Client) -> Any:
    """Return a factory of clients that send a token."""
    return lambda token: Client(alice.channel, token)


def test_unknown_header_parameters_are_ignored(make_client: Any, forge: Forge) -> None:
    """RFC 7515, section 4."""
    for name, value in IGNORED.items():
        make_client(forge.token(head={name: value})).call("ListTasks", REQUESTS["ListTasks"])


def test_critical_extensions_are_rejected(make_client: Any, forge: Forge) -> None:
    """RFC 7515, section 4.1.11."""
    for value in ([], ["exp"], ["x5t"], "x5t", None):
        failure = make_client(forge.token(head={"crit": value})).failure("ListTasks", REQUESTS["ListTasks"])
        assert (failure.code, failure.reason) == (grpc.StatusCode.UNAUTHENTICATED, "INVALID_TOKEN")
        assert failure.facts["description"] == MALFORMED


@pytest.mark.parametrize("claim", MOMENTS)
def test_a_time_out_of_range_is_unauthenticated(make_client: Any, forge: Forge, claim: str) -> None:
    """RFC 7519, section 2."""
    for value in ABSURD:
        changed: dict[str, Any] = {claim: value}
        failure = make_client(forge.token(**changed)).failure("ListTasks", REQUESTS["ListTasks"])
        assert (failure.code, failure.reason) == (grpc.StatusCode.UNAUTHENTICATED, "INVALID_TOKEN"), value
        assert failure.facts["description"] == WRONG_CLAIMS, value
