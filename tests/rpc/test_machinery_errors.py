"""C12: the errors that authentication, limits, messages, keys and the database add, provoked on every method."""

from collections.abc import Callable, Iterator
from typing import Any, Final, NoReturn

import grpc
import psycopg
import pytest
from flask import Flask
from google.protobuf.message import Message
from grpc import StatusCode
from sqlalchemy import create_engine, text

from app.config import Settings
from app.extensions import db
from app.models import Base
from app.rpc import services
from app.rpc.admission import Admission
from app.rpc.calls import Method
from tests.conftest import TokenMaker
from tests.observed_errors import PROVOKED
from tests.rpc.client import SCOPES, Client, Failure
from tests.rpc.samples import PREREQUISITES, REQUESTS
from tests.sent_statements import seen

METHODS: Final = {path.rpartition("/")[2]: method for path, method in services.METHODS.items()}
every_method = pytest.mark.parametrize("name", METHODS)
every_kept = pytest.mark.parametrize("name", [name for name, method in METHODS.items() if method.is_kept])


def test_every_method_of_the_protocol_is_tested() -> None:
    described = {name for service in services.SERVICES for name in service.described.methods_by_name}
    assert set(METHODS) == described == set(REQUESTS)


def raw(client: Client, name: str, sent: bytes, metadata: Any = ()) -> Failure:
    """Return the failure of a call that sends these bytes."""
    with pytest.raises(grpc.RpcError) as raised:
        client.raw(f"/{METHODS[name].name}", sent, metadata=metadata)
    return Failure.of(raised.value)


class TestAuthentication:
    """C6–C9."""

    @every_method
    def test_missing_credentials(self, unauthenticated: Client, name: str) -> None:
        failure = unauthenticated.failure(name, REQUESTS[name])
        assert (failure.code, failure.reason) == (StatusCode.UNAUTHENTICATED, "MISSING_CREDENTIALS")

    @every_method
    def test_an_invalid_token_takes_precedence_over_an_invalid_message(
        self, unauthenticated: Client, name: str
    ) -> None:
        """C9."""
        failure = raw(unauthenticated, name, b"\xff", {"authorization": "Bearer nonsense"})
        assert (failure.code, failure.reason) == (StatusCode.UNAUTHENTICATED, "INVALID_TOKEN")
        assert failure.facts["description"] == "The token is malformed"

    @every_method
    def test_a_token_without_the_scope(self, port: int, token: TokenMaker, name: str) -> None:
        """C8."""
        with Client.of(port, token("alice", "other")) as client:
            failure = client.failure(name, REQUESTS[name])
        assert (failure.code, failure.reason) == (StatusCode.PERMISSION_DENIED, "INSUFFICIENT_SCOPE")
        assert failure.facts["scope"] == METHODS[name].scope


class TestLimits:
    """C22."""

    def test_one_window_for_all_methods_and_for_both_protocols(
        self, make_application: Callable[..., Flask], settings: Settings, token: TokenMaker
    ) -> None:
        from tests.rpc.conftest import served

        limited = make_application(rate_limit="1 per hour")
        limited.test_client().get("/v1/tasks")
        with served(limited, settings) as port, Client.of(port, token("alice", SCOPES)) as client:
            for name, request in REQUESTS.items():
                failure = client.failure(name, request)
                assert (failure.code, failure.reason) == (StatusCode.RESOURCE_EXHAUSTED, "RATE_LIMIT_EXCEEDED")
                assert failure.extensions == {"limit": 1, "window_seconds": 3600}
                assert 0 < failure.details["RetryInfo"].retry_delay.seconds <= 3600


class TestMessages:
    @every_method
    def test_too_large(self, alice: Client, name: str) -> None:
        failure = raw(alice, name, b" " * 1048577)
        assert (failure.code, failure.reason) == (StatusCode.RESOURCE_EXHAUSTED, "BODY_TOO_LARGE")
        assert failure.extensions == {"limit": METHODS[name].max_bytes}

    def test_far_too_large(self, alice: Client) -> None:
        """A message that is not even read is rejected with the same status."""
        with pytest.raises(grpc.RpcError) as raised:
            alice.raw(f"/{METHODS['GetTask'].name}", b" " * 2097153)
        assert raised.value.code() is StatusCode.RESOURCE_EXHAUSTED

    @every_method
    @pytest.mark.parametrize("sent", [b"\xff", b"\x0a\x05ab", b"\x0a\x02\xff\xfe"])
    def test_a_malformed_message(self, alice: Client, name: str, sent: bytes) -> None:
        """Truncated, random, or invalid UTF-8 in a string."""
        if sent[0] == 0x0A:  # the first field that has a length, of every method
            fields = METHODS[name].takes.DESCRIPTOR.fields
            number = next(each.number for each in fields if each.type in {each.TYPE_STRING, each.TYPE_MESSAGE})
            sent = bytes([number << 3 | 2]) + sent[1:]
        failure = raw(alice, name, sent)
        assert (failure.code, failure.reason) == (StatusCode.INVALID_ARGUMENT, "MALFORMED_REQUEST")


class TestDatabase:
    """Kinds of 503, 504, 507 and 500 by their gRPC names (UNKNOWN and INTERNAL only for bugs)."""

    def test_an_unreachable_database(
        self, make_application: Callable[..., Flask], settings: Settings, token: TokenMaker
    ) -> None:
        from tests.rpc.conftest import served

        unreachable = make_application(database_url="postgresql+psycopg://nobody@127.0.0.1:1/nothing")
        with served(unreachable, settings) as port, Client.of(port, token("alice", SCOPES)) as client:
            for name, request in REQUESTS.items():
                failure = client.failure(name, request)
                assert (failure.code, failure.reason) == (StatusCode.UNAVAILABLE, "SERVICE_UNAVAILABLE")
                assert failure.details["RetryInfo"].retry_delay.seconds == 1

    @every_method
    def test_a_locked_table_ends_at_the_deadline(
        self, alice: Client, settings: Settings, name: str, ended: Callable[[str, str], None]
    ) -> None:
        """C23."""
        engine = create_engine(settings.database_url)
        with engine.connect() as blocker:
            blocker.execute(text(f"LOCK TABLE {', '.join(Base.metadata.tables)} IN ACCESS EXCLUSIVE MODE"))
            with pytest.raises(grpc.RpcError) as raised:
                alice.call(name, REQUESTS[name], within=0.2)
            assert raised.value.code() is StatusCode.DEADLINE_EXCEEDED
            ended(METHODS[name].name, "DEADLINE_EXCEEDED")
        engine.dispose()

    @pytest.fixture
    def full_disk(self, app: Flask) -> Iterator[None]:
        """Make every statement fail like PostgreSQL on a full disk."""

        def fail(*_: object) -> NoReturn:
            raise psycopg.errors.DiskFull("could not extend file")

        with app.app_context():
            engine = db.engine
        with seen(engine, fail):
            yield

    @every_method
    def test_a_full_disk(self, alice: Client, full_disk: None, name: str) -> None:
        failure = alice.failure(name, REQUESTS[name])
        assert (failure.code, failure.reason) == (StatusCode.RESOURCE_EXHAUSTED, "INSUFFICIENT_STORAGE")

    @every_method
    def test_a_bug_reveals_nothing(self, alice: Client, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """C3."""

        def bug(*_: object, **__: object) -> Message:
            raise RuntimeError("the password is hunter2")

        monkeypatch.setattr(Method, "handle", property(lambda _: bug))
        failure = alice.failure(name, REQUESTS[name], may_be_a_bug=True)
        assert (failure.code, failure.reason) == (StatusCode.INTERNAL, "INTERNAL_ERROR")
        assert "hunter2" not in str(failure)

    def test_a_bug_in_the_hooks_reveals_nothing(self, alice: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        """C3: without this, gRPC would return the text of the exception."""

        def bug(*_: object) -> bytes:
            raise RuntimeError("the password is hunter2")

        monkeypatch.setattr(Admission, "_served", bug)
        failure = alice.failure("GetTask", REQUESTS["GetTask"], may_be_a_bug=True)
        assert (failure.code, failure.reason) == (StatusCode.INTERNAL, "INTERNAL_ERROR")
        assert "hunter2" not in str(failure)


class TestIdempotencyKeys:
    """C21."""

    @pytest.fixture(autouse=True)
    def prerequisites(self, app: Flask, alice: Client) -> None:
        """Store the resources that the requests refer to."""
        for prepare in PREREQUISITES:
            prepare(app)

    @every_kept
    @pytest.mark.parametrize("keys", [("",), ("k" * 256,), ("a,b",), ('"unclosed',), ("one", "two")])
    def test_a_malformed_key(self, alice: Client, name: str, keys: tuple[str, ...]) -> None:
        sent = [("idempotency-key", key) for key in keys]
        failure = alice.failure(name, REQUESTS[name], metadata=sent)
        assert (failure.code, failure.reason) == (StatusCode.INVALID_ARGUMENT, "INVALID_IDEMPOTENCY_KEY")

    @every_kept
    def test_a_repeated_call_gets_the_same_response(self, alice: Client, name: str) -> None:
        first, beside = alice.call(name, REQUESTS[name], metadata={"idempotency-key": "again"})
        second, beside_second = alice.call(name, REQUESTS[name], metadata={"idempotency-key": '"again"'})
        assert first == second
        assert ("idempotent-replayed" in beside, beside_second["idempotent-replayed"]) == (False, "true")

    @every_kept
    def test_the_same_key_for_another_request(self, alice: Client, name: str) -> None:
        other = type(REQUESTS[name])()
        alice.call(name, REQUESTS[name], metadata={"idempotency-key": "reused"})
        failure = alice.failure(name, other, metadata={"idempotency-key": "reused"})
        assert (failure.code, failure.reason) == (StatusCode.INVALID_ARGUMENT, "IDEMPOTENCY_KEY_REUSED")

    @every_kept
    def test_a_key_whose_first_request_still_runs(self, alice: Client, name: str, settings: Settings) -> None:
        engine = create_engine(settings.database_url)
        with engine.connect() as first:
            first.execute(
                text("SELECT pg_advisory_xact_lock(hashtextextended(encode(sha256('5:alicebusy'), 'hex'), 0))")
            )
            failure = alice.failure(name, REQUESTS[name], metadata={"idempotency-key": "busy"})
        assert (failure.code, failure.reason) == (StatusCode.ABORTED, "IDEMPOTENCY_IN_PROGRESS")
        engine.dispose()


@pytest.mark.last
def test_every_declared_error_was_provoked() -> None:
    """C13: in the full run, each method ended with each error that it declares."""
    declared = {(method.name, error.code) for method in METHODS.values() for error in method.raises}
    assert sorted(declared - PROVOKED) == []
