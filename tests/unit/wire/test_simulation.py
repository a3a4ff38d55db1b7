"""Values of ``Simulate-Error`` in requests (RFC 9651)."""

import time
from typing import Final

import pytest

from app.errs import Violation
from app.errs.platform import DeadlineExceeded, InternalError, ServiceUnavailable
from app.wire.simulation import LONGEST, Simulation, read

DECLARED: Final = (InternalError, ServiceUnavailable, DeadlineExceeded)


@pytest.mark.parametrize(
    ("text", "after", "delay"),
    [
        ("INTERNAL_ERROR", 0, 0.0),
        ("  INTERNAL_ERROR ", 0, 0.0),
        ("INTERNAL_ERROR; after=2; delay=1.5", 2, 1.5),
        ("INTERNAL_ERROR;after=2;delay=1", 2, 1.0),
        ("INTERNAL_ERROR;delay=0.001;  after=0", 0, 0.001),
        ("INTERNAL_ERROR;after=1;after=3", 3, 0.0),
        ("INTERNAL_ERROR;after=999999999999999", 999_999_999_999_999, 0.0),
    ],
)
def test_ok(text: str, after: int, delay: float) -> None:
    assert read(text, DECLARED) == Simulation(InternalError, after, delay)


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "\t", "INTERNAL_ERROR, INTERNAL_ERROR", '"INTERNAL_ERROR"', ":SU5U:", "?1", "5", "INTERNAL ERROR"),
        *("INTERNAL_ERROR ;after=1", "INTERNAL_ERROR;", "INTERNAL_ERROR; ", "INTERNAL_ERROR;After=1", ";after=1"),
        *("INTERNAL_ERROR;after=", "INTERNAL_ERROR;after", "INTERNAL_ERROR;after=1.5", "INTERNAL_ERROR;after=x"),
        *("INTERNAL_ERROR;after = 1", "INTERNAL_ERROR;after=1e3", "INTERNAL_ERROR;after=1234567890123456"),
        *("INTERNAL_ERROR;delay=1.", "INTERNAL_ERROR;delay=.5", "INTERNAL_ERROR;delay=1.2345", "INTERNAL_ERROR;delay"),
        *(
            "INTERNAL_ERROR;delay=inf",
            "INTERNAL_ERROR;delay=nan",
            "INTERNAL_ERROR;delay=1_0",
            "INTERNAL_ERROR;delay=+1",
        ),
        *("INTERNAL_ERROR;after=\u0661", "INTERNAL_ERROR\n", "\xa0INTERNAL_ERROR", "INTERNAL_ERROR\x00", "É"),
        "INTERNAL_ERROR" + ";after=1" * LONGEST,
    ],
)
def test_any_other_form_is_a_violation(text: str) -> None:
    found = read(text, DECLARED)
    assert isinstance(found, Violation)
    assert (found.field, found.code, found.header) == ("Simulate-Error", "INVALID_FORMAT", "Simulate-Error")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            "NO_SUCH",
            "must be an error that the operation declares: DEADLINE_EXCEEDED, INTERNAL_ERROR, SERVICE_UNAVAILABLE",
        ),
        ("internal_error", "must be an error that the operation declares: "),
        ("INTERNAL_ERROR;dealy=1", "can have the parameters after, a number of requests, and delay"),
        ("INTERNAL_ERROR;after=-1", "They must not be negative"),
        ("INTERNAL_ERROR;delay=-0.5", "They must not be negative"),
    ],
)
def test_any_other_value_is_a_violation_with_the_allowed_values(text: str, says: str) -> None:
    found = read(text, DECLARED)
    assert isinstance(found, Violation)
    assert found.code == "INVALID_VALUE"
    assert says in found.message


def test_an_operation_without_timeouts_accepts_no_delay() -> None:
    found = read("INTERNAL_ERROR;delay=1", (InternalError,))
    assert isinstance(found, Violation)
    assert found.message == "Simulate-Error can have delay only if the operation declares DEADLINE_EXCEEDED"
    assert read("INTERNAL_ERROR;delay=0", (InternalError,)) == Simulation(InternalError, 0, 0.0)


def test_a_route_without_declared_errors_simulates_none() -> None:
    found = read("INTERNAL_ERROR", ())
    assert isinstance(found, Violation)
    text = "Simulate-Error is for operations, which declare their errors. This route is not an operation"
    assert found.message == text


def test_a_long_value_is_rejected_fast() -> None:
    began = time.process_time()
    for text in ("A" * 8000, "A;" * 4000, "A; " + " " * 8000, "A;a=" + "-" * 8000, "A" + ";a=1" * 2000):
        assert isinstance(read(text, DECLARED), Violation)
    assert time.process_time() - began < 0.1
