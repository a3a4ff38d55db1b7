"""Retries over gRPC never apply a change twice, if the response allows them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import Message
from grpc import StatusCode
from sqlalchemy import create_engine, text

from app.config import Settings
from app.rpc.gen.todo.v1 import todo_pb2 as pb
from tests.rpc.client import Client, Failure
from tests.rpc.samples import REQUESTS

DOUBT = "may or may not have been made"
DYING = """
    CREATE FUNCTION dying() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$;
    CREATE CONSTRAINT TRIGGER dying AFTER INSERT OR UPDATE OR DELETE ON tasks DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION dying();
"""


@contextmanager
def dying_at_commit(settings: Settings) -> Iterator[None]:
    """End each backend that changes a task during its COMMIT."""
    engine = create_engine(settings.database_url, isolation_level="AUTOCOMMIT")
    with engine.connect() as admin:
        admin.execute(text(DYING))
        try:
            yield
        finally:
            admin.execute(text("DROP TRIGGER dying ON tasks; DROP FUNCTION dying"))
    engine.dispose()


def check(failure: Failure, *, is_retryable: bool, is_doubtful: bool) -> None:
    """Assert whether a failed call is marked as retryable."""
    assert failure.code is StatusCode.UNAVAILABLE
    assert failure.facts["retryable"] == str(is_retryable).lower()
    assert ("RetryInfo" in failure.details) is is_retryable
    assert (DOUBT in failure.message) is is_doubtful


@pytest.mark.parametrize("method", REQUESTS)
def test_every_call_that_reached_no_database_is_retryable(
    serve: Callable[..., int], alice: Client, method: str
) -> None:
    port = serve(database_url="postgresql+psycopg://nobody@127.0.0.1:1/nothing")
    with Client.of(port, alice.token) as caller:
        check(caller.failure(method, REQUESTS[method]), is_retryable=True, is_doubtful=False)


@pytest.mark.parametrize(
    ("method", "is_repeatable"),
    [("CreateTask", False), ("BatchCreateTasks", False), ("UpdateTask", False), ("DeleteTask", True)],
)
def test_after_a_lost_commit_only_calls_that_are_safe_to_repeat_are_retryable(
    alice: Client, settings: Settings, method: str, is_repeatable: bool
) -> None:
    name = alice.create("there").name
    requests: dict[str, Message] = {
        **REQUESTS,
        "UpdateTask": pb.UpdateTaskRequest(
            task=pb.Task(name=name, title="changed"), update_mask=FieldMask(paths=["title"])
        ),
        "DeleteTask": pb.DeleteTaskRequest(name=name),
    }
    with dying_at_commit(settings):
        check(alice.failure(method, requests[method]), is_retryable=is_repeatable, is_doubtful=True)
        if method in {"CreateTask", "BatchCreateTasks"}:
            keyed = alice.failure(method, requests[method], metadata={"idempotency-key": "repetition-1"})
            check(keyed, is_retryable=True, is_doubtful=True)
    assert alice.get(name).name == name
