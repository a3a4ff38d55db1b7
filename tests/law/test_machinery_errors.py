"""C12: the errors that authentication, limits, bodies, keys and the database add, provoked on every operation."""

from collections.abc import Callable, Iterator
from typing import Any, NoReturn

import psycopg
import pytest
from flask import Flask
from sqlalchemy import create_engine, text
from werkzeug.test import TestResponse

from app.config import Settings
from app.extensions import db
from app.models import Base
from app.rest import body, operations
from app.rest.errors import ACCEPTED
from app.rest.operations import Operation
from tests.response_checks import CheckedClient
from tests.samples import BODIES, numbered, path_of, prepared
from tests.sent_statements import seen

pytestmark = pytest.mark.slow

Bearer = Callable[..., dict[str, str]]
Send = Callable[..., TestResponse]


@pytest.fixture
def every(app: Flask) -> Callable[[str], list[Operation]]:
    """Return a selector of the operations that declare a code."""

    def declaring(code: str) -> list[Operation]:
        unique = {each.name: each for each in operations.table(app).values()}
        found = [each for each in unique.values() if code in {error.code for error in each.raises}]
        assert found, f"no operation declares {code}"
        return found

    return declaring


@pytest.fixture
def send(app: Flask, bearer: Bearer) -> Send:
    """Return a sender of an operation's valid request, with changes."""

    def send_to(
        operation: Operation, *, to: Flask = app, headers: dict[str, str] | None = None, **changes: Any
    ) -> TestResponse:
        request: dict[str, Any] = {"method": operation.name.partition(" ")[0], "json": BODIES.get(operation.name)}
        if "data" in changes:
            del request["json"]
        request |= changes.pop("request", {})
        client = to.test_client()
        assert isinstance(client, CheckedClient)
        client.allows_500 = changes.pop("allows_500", False)
        path = path_of(operation.name) + changes.pop("query", "")
        return client.open(path, headers={**bearer(scopes="admin"), **(headers or {})}, **request, **changes)

    return send_to


def code_of(response: TestResponse) -> str:
    """Return the code of a problem document."""
    assert response.json is not None
    code: str = response.json["code"]
    return code


class TestAuthentication:
    """C6–C8, on every guarded operation."""

    def test_missing_credentials_are_401_with_a_challenge_without_an_error(self, every: Any, send: Send) -> None:
        """C6."""
        for operation in every("MISSING_CREDENTIALS"):
            response = send(operation, headers={"Authorization": ""})
            assert response.status_code == 401
            assert response.headers["WWW-Authenticate"] == 'Bearer realm="candor"'

    def test_an_invalid_token_is_401_and_the_body_is_not_read(
        self, every: Any, send: Send, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """C7, C9."""
        monkeypatch.setattr(body, "read", lambda _: pytest.fail("the body was read"))
        for operation in every("INVALID_TOKEN"):
            response = send(operation, headers={"Authorization": "Bearer nonsense"})
            assert response.status_code == 401
            assert 'error="invalid_token"' in response.headers["WWW-Authenticate"]

    def test_a_token_without_the_scope_is_403_and_contains_the_scope(
        self, every: Any, send: Send, bearer: Bearer
    ) -> None:
        """C8."""
        for operation in every("INSUFFICIENT_SCOPE"):
            response = send(operation, headers=bearer(scopes="other"))
            assert response.status_code == 403
            assert f'scope="{operation.scope}"' in response.headers["WWW-Authenticate"]


class TestLimits:
    """C22, on every limited operation."""

    def test_the_first_request_beyond_the_limit_is_429(
        self, every: Any, send: Send, make_application: Callable[..., Flask]
    ) -> None:
        """C22: counted per address over all operations."""
        limited = make_application(rate_limit="1 per hour")
        limited.test_client().get("/v1/tasks")
        for operation in every("RATE_LIMIT_EXCEEDED"):
            response = send(operation, to=limited)
            assert response.status_code == 429
            assert response.headers["RateLimit"].startswith('"default";r=0;t=')
            assert response.json is not None
            assert response.json["limit"] == 1


class TestNegotiation:
    """406 and unknown parameters, on every operation."""

    def test_an_accept_field_without_a_supported_type_is_406(self, every: Any, send: Send) -> None:
        """C9a."""
        for operation in every("NOT_ACCEPTABLE"):
            assert code_of(send(operation, headers={"Accept": "application/x-none"})) == "NOT_ACCEPTABLE"

    def test_an_unknown_parameter_and_a_malformed_header_are_reported_together(self, every: Any, send: Send) -> None:
        """C9a, C18, C23."""
        for operation in every("VALIDATION_FAILED"):
            response = send(operation, query="?no_such=1", headers={"Request-Timeout": "soon"})
            assert code_of(response) == "VALIDATION_FAILED"
            assert response.json is not None
            reported = {(each.get("parameter") or each.get("header"), each["code"]) for each in response.json["errors"]}
            assert reported >= {("no_such", "UNKNOWN_PARAMETER"), ("Request-Timeout", "INVALID_VALUE")}


class TestBodies:
    """415, 413 and the 400s, on every operation that reads a body."""

    def test_an_unsupported_type_is_415_with_the_supported_ones(self, every: Any, send: Send) -> None:
        for operation in every("UNSUPPORTED_MEDIA_TYPE"):
            response = send(operation, data=b"title=x", content_type="application/x-www-form-urlencoded")
            assert code_of(response) == "UNSUPPORTED_MEDIA_TYPE"
            assert "application/json" in response.headers[ACCEPTED.get(response.request.method, "Accept")]

    def test_a_body_over_the_limit_is_413(self, every: Any, send: Send) -> None:
        for operation in every("BODY_TOO_LARGE"):
            response = send(operation, data=b" " * 1048577, content_type="application/json")
            assert code_of(response) == "BODY_TOO_LARGE"

    def test_an_empty_body_and_malformed_json_are_400(self, every: Any, send: Send) -> None:
        for operation in every("EMPTY_BODY"):
            assert code_of(send(operation, data=b"", content_type="application/json")) == "EMPTY_BODY"
            assert code_of(send(operation, data=b"{]", content_type="application/json")) == "MALFORMED_JSON"

    def test_a_body_that_ends_early_is_400(self, every: Any, send: Send) -> None:
        """Malformed HTTP."""
        for operation in every("MALFORMED_REQUEST"):
            response = send(
                operation,
                data=b"{",
                content_type="application/json",
                environ_overrides={"CONTENT_LENGTH": "99"},
            )
            assert code_of(response) == "MALFORMED_REQUEST"


class TestDatabase:
    """503, 504, 507 and 500, on every operation that can end with them."""

    def test_an_unreachable_database_is_503(
        self, every: Any, send: Send, make_application: Callable[..., Flask]
    ) -> None:
        unreachable = make_application(database_url="postgresql+psycopg://nobody@127.0.0.1:1/nothing")
        for operation in every("SERVICE_UNAVAILABLE"):
            response = send(operation, to=unreachable)
            assert code_of(response) == "SERVICE_UNAVAILABLE"
            assert response.headers["Retry-After"] == "1"
        for operation in every("NOT_READY"):
            response = send(operation, to=unreachable)
            assert response.json is not None
            assert response.json["checks"] == {"database": "failed", "migrations": "failed", "draining": "ok"}

    def test_a_locked_table_ends_at_the_deadline_with_504(self, every: Any, send: Send, settings: Settings) -> None:
        """C23: the deadline applies to SQL."""
        engine = create_engine(settings.database_url)
        with engine.connect() as blocker:
            tables = ", ".join(Base.metadata.tables)
            blocker.execute(text(f"LOCK TABLE {tables} IN ACCESS EXCLUSIVE MODE"))
            for operation in every("DEADLINE_EXCEEDED"):
                response = send(operation, headers={"Request-Timeout": "0.05"})
                assert code_of(response) == "DEADLINE_EXCEEDED"
                assert response.json is not None
                assert (response.json["budget_ms"], response.json["spent_in"]) == (50, "database")
        engine.dispose()

    @pytest.fixture
    def full_disk(self, app: Flask) -> Iterator[None]:
        """Make every statement fail like PostgreSQL on a full disk."""

        def fail(*_: object) -> NoReturn:
            raise psycopg.errors.DiskFull("could not extend file")

        with app.app_context(), seen(db.engine, fail):
            yield

    def test_a_full_disk_is_507(self, every: Any, send: Send, full_disk: None) -> None:
        """Kind STORAGE_FULL."""
        for operation in every("INSUFFICIENT_STORAGE"):
            assert code_of(send(operation)) == "INSUFFICIENT_STORAGE"

    def test_a_bug_is_500_without_details(
        self, every: Any, send: Send, app: Flask, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """C3: one fixed text for any exception."""

        def bug(**_: object) -> None:
            raise RuntimeError("the password is hunter2")

        for endpoint in app.view_functions:
            monkeypatch.setitem(app.view_functions, endpoint, bug)
        bodies = set()
        for operation in every("INTERNAL_ERROR"):
            response = send(operation, allows_500=True)
            assert code_of(response) == "INTERNAL_ERROR"
            assert response.json is not None
            bodies.add((response.json["title"], response.json["detail"], response.json["kind"]))
            assert "hunter2" not in response.get_data(as_text=True)
        assert len(bodies) == 1


class TestIdempotencyKeys:
    """C21, on every operation that creates."""

    def test_a_malformed_key_is_400(self, every: Any, send: Send) -> None:
        for operation in every("INVALID_IDEMPOTENCY_KEY"):
            for key in ("", "k" * 256, "a,b", '"unclosed', "ta\tb"):
                assert code_of(send(operation, headers={"Idempotency-Key": key})) == "INVALID_IDEMPOTENCY_KEY"

    def test_the_same_key_with_another_request_is_422(
        self, client: CheckedClient, every: Any, send: Send, app: Flask
    ) -> None:
        for number, operation in enumerate(every("IDEMPOTENCY_KEY_REUSED")):
            key = {"Idempotency-Key": f"reused-{number}"}
            first = {**numbered(operation.name, number), **prepared(app, operation.name)}
            second = {**first, "another": number}
            assert send(operation, headers=key, request={"json": first}).status_code < 300
            assert code_of(send(operation, headers=key, request={"json": second})) == "IDEMPOTENCY_KEY_REUSED"

    def test_a_key_whose_first_request_still_runs_is_409(
        self, client: CheckedClient, every: Any, send: Send, settings: Settings, app: Flask
    ) -> None:
        """C21: the conflict is detected at once, by the lock of the first request."""
        engine = create_engine(settings.database_url)
        with engine.connect() as first:
            first.execute(
                text("SELECT pg_advisory_xact_lock(hashtextextended(encode(sha256('5:alicebusy'), 'hex'), 0))")
            )
            for operation in every("IDEMPOTENCY_IN_PROGRESS"):
                response = send(operation, headers={"Idempotency-Key": "busy"})
                assert code_of(response) == "IDEMPOTENCY_IN_PROGRESS"
                assert response.headers["Retry-After"] == "1"
        engine.dispose()
