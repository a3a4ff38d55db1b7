"""Generated requests for every operation of the OpenAPI document, with every check of a single response.

``FUZZ_EXAMPLES`` is the number per operation (``make fuzz`` sets a high one), ``FUZZ_SEED`` repeats a run.
"""

from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest
import schemathesis
from flask import Flask
from schemathesis.checks import load_all_checks, not_a_server_error
from schemathesis.config import SchemathesisConfig
from schemathesis.core.failures import FailureGroup, as_reported_failure
from schemathesis.core.result import Err
from schemathesis.generation import derive_operation_seed
from schemathesis.generation.feedback import FeedbackSources
from schemathesis.generation.hypothesis import builder
from schemathesis.python._constants.orchestrator import make_constants_value_source
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import positive_data_acceptance, response_schema_conformance

from app import create_app
from app.config import Settings
from app.extensions import db
from tests.conftest import EMPTY
from tests.fuzz.conftest import EXAMPLES, SEED

pytestmark = pytest.mark.slow


class ApplicationSwitch:
    """Uses one application while requests are generated, and another while they are sent."""

    def __init__(self, app: Flask) -> None:
        self.application = app

    def __call__(self, environ: Any, start_response: Any) -> Any:
        """Forward the call."""
        return self.application(environ, start_response)


OFFLINE: Final = Settings(
    database_url="postgresql+psycopg://nobody@127.0.0.1:1/none", jwt_secret="x" * 32, public_url="http://candor.test"
)
SWITCH: Final = ApplicationSwitch(create_app(OFFLINE))
CONFIG: Final = SchemathesisConfig.from_dict(
    {
        "seed": SEED,
        # The tests send a valid token; a separate check tries invalid ones.
        "generation": {"max-examples": EXAMPLES, "with-security-parameters": False},
    }
)
DOCUMENT: Final = schemathesis.openapi.from_wsgi("/openapi.json", SWITCH, config=CONFIG)


def operations() -> Iterator[APIOperation]:
    """Yield every operation of the document; one that schemathesis can't read is an error."""
    for found in DOCUMENT.get_all_operations():
        if isinstance(found, Err):
            raise found.err()
        yield found.ok()


OPERATIONS: Final = {operation.label: operation for operation in operations()}
FEEDBACK: Final = FeedbackSources(constants_value_source=make_constants_value_source(DOCUMENT))
LEFT_OUT: Final = (
    builder.InvalidHeadersExampleMark,
    builder.InvalidRegexMark,
    builder.MissingPathParameters,
    builder.NonSerializableMark,
    builder.UnsatisfiableExampleMark,
    builder.UnserializablePayloadMark,
)
"""Marks a test for which schemathesis could not generate all kinds of requests."""


@pytest.fixture(autouse=True)
def served(app: Flask) -> Iterator[None]:
    """Return the sender of generated requests to the application under test; its tables are emptied afterwards."""
    SWITCH.application = app
    yield
    with app.app_context(), db.engine.begin() as connection:
        connection.exec_driver_sql(EMPTY)


BEYOND_SCHEMAS: Final = frozenset(
    {
        "INVALID_FILTER",  # a grammar
        "INVALID_ONE_TIME_TOKEN",  # an emailed token
        "INVALID_PAGE_TOKEN",  # a signature
        "PRECONDITION_FAILED",  # the state of the resource
        "IDEMPOTENCY_KEY_REUSED",  # an earlier request
        "INVALID_ORDER_BY A property is listed twice",
        "quantity INVALID_TYPE",  # 1.0, which counts as an integer for JSON Schema
        "items_page_token INVALID_VALUE",  # one parameter requires another
        "sku BROKEN_LINK",  # the products in the table
        "password TOO_COMMON",  # a list of passwords
        "due_date MUST_BE_FUTURE",  # the time of day
        "status OVERDUE_COMPLETION",
        "time_zone INVALID_VALUE",  # the names of the IANA database, which grow
        "title DUPLICATE_TITLE",  # compared after normalization
        "title REQUIRED_FIELD",  # update_mask names it, and the body lacks it
        *(f"{member} TOO_SHORT" for member in ("title", "name", "sku", "director", "writer", "rated")),  # unassigned
        "title INVALID_FORMAT",  # noncharacters beyond U+FFFF: not every dialect of patterns can name them
        "description INVALID_FORMAT",
        "name INVALID_FORMAT",
        "sku INVALID_FORMAT",
        "If-None-Match INVALID_FORMAT",  # as below
        "If-Match INVALID_FORMAT",  # schemathesis 4.32 makes it without regard to its pattern
    }
)
"""Rejections of requests that follow the document, by rules that JSON Schema cannot express. Others fail the run."""


def reasons(problem: dict[str, Any]) -> set[str]:
    """Return the reasons of a rejection."""
    if "errors" in problem:
        return {f"{each['field'].rpartition('.')[2]} {each['code']}" for each in problem["errors"]}
    return {f"{problem['code']} {problem['reason']}" if problem["code"] == "INVALID_ORDER_BY" else problem["code"]}


@pytest.mark.parametrize("label", OPERATIONS)
def test_every_response_is_allowed_by_the_document(label: str, bearer: Callable[..., dict[str, str]]) -> None:
    """Generate the requests in the test. ``DOCUMENT.parametrize`` does it at collection, in every process."""
    load_all_checks()
    send_all = builder.create_test(operation=OPERATIONS[label], test_func=send, config=config_of(label))
    try:
        send_all(bearer=bearer)
    except FailureGroup as failures:
        raise as_reported_failure(failures) from None
    assert not any(mark.is_set(send_all) for mark in LEFT_OUT)


def config_of(label: str) -> builder.HypothesisTestConfig:
    """Return the number and kinds of requests that schemathesis generates for an operation."""
    project = DOCUMENT.config
    return builder.HypothesisTestConfig(
        project=project,
        modes=list(builder.HypothesisTestMode),
        settings=project.get_hypothesis_settings(operation=OPERATIONS[label], phase="fuzzing"),
        explicit_setting_names=project.explicit_hypothesis_settings(operation=OPERATIONS[label], phase="fuzzing"),
        seed=derive_operation_seed(SEED, label),
        feedback=FEEDBACK,
    )


def send(case: schemathesis.Case, bearer: Callable[..., dict[str, str]]) -> None:
    """Send one request, and compare the response with the document."""
    headers = bearer("fuzz", "tasks orders")
    if case.headers:
        case.headers.pop("Host", None)  # names the server, not the operation; an invalid one is MALFORMED_REQUEST
    response = case.call(headers=headers)
    excluded: list[Any] = []
    if response.status_code in {400, 412, 422} and reasons(response.json()) <= BEYOND_SCHEMAS:
        excluded.append(positive_data_acceptance)
    if response.status_code == 404 and response.json()["code"] == "ROUTE_NOT_FOUND":
        excluded.append(response_schema_conformance)  # a slash or colon in an ID is another path, without an operation
    if response.status_code == 504 and "Request-Timeout" in (case.headers or {}):
        excluded += [not_a_server_error, positive_data_acceptance]  # the generated budget was shorter than the work
    case.validate_response(response, excluded_checks=excluded, headers=headers)
