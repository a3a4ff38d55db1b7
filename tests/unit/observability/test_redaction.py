"""Redacted exception texts contain only text of the source code, never the values that filled it."""

import uuid
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from app import errs
from app.errs.lists import InvalidFilter
from app.observability.redaction import redact_exception

SECRET = "hunter" + str(2)


def _raise(exc: BaseException) -> None:
    raise exc


def _in_braces() -> None:
    raise RuntimeError(f"the password is {SECRET}, allegedly")


def _in_percent() -> None:
    raise RuntimeError("no user %s with %r" % (SECRET, SECRET))  # noqa: UP031 -- the template itself is tested


def _handed_down() -> None:
    _raise(ValueError("plain words"))


def _alone() -> None:
    raise ValueError(SECRET)


def _chained() -> None:
    try:
        _alone()
    except ValueError as exc:
        raise RuntimeError(f"it failed: {exc}") from exc


CASES: dict[str, tuple[Callable[[], object], str]] = {
    "an f-string": (_in_braces, "the password is …, allegedly"),
    "a template": (_in_percent, "no user … with …"),
    "a constant of the caller": (_handed_down, "plain words"),
    "nothing but data": (_alone, "…"),
    "the text of another": (_chained, "it failed: …"),
    "a missing key": (lambda: dict[str, str]()[SECRET], "'…'"),
    "no number": (lambda: int(SECRET), "invalid literal for int() with base 10: '…'"),
    "a library of Python's": (lambda: uuid.UUID(SECRET), "badly formed hexadecimal UUID string"),
    "a long one that is cut": (lambda: float(SECRET * 200), "could not convert string to float: '…'"),
    "an attribute": (lambda: object().nothing, "'object' object has no attribute 'nothing'"),  # type: ignore[attr-defined]
    "a division": (lambda: 1 // 0, "integer division or modulo by zero"),
    "a file": (lambda: Path(f"/{SECRET}").stat(), "[Errno 2] No such file or directory: '…'"),
}


@pytest.mark.parametrize("name", CASES)
def test_a_third_party_exception_keeps_only_text_of_its_source(name: str) -> None:
    provoke, expected = CASES[name]
    with pytest.raises(Exception) as caught:  # noqa: PT011 -- each case raises another
        provoke()
    assert SECRET not in redact_exception(caught.value)
    assert redact_exception(caught.value) == expected


def test_quoted_values_of_the_driver_are_removed() -> None:
    refused = f'connection to server at "10.0.0.1", port 5432 failed: FATAL:  no password for user "{SECRET}"'
    expected = 'connection to server at "…", port 5432 failed: FATAL:  no password for user "…"'
    assert redact_exception(psycopg.OperationalError(refused)) == expected
    malformed = psycopg.errors.InvalidTextRepresentation(f'invalid input syntax for type uuid: "a"{SECRET}"b"')
    assert redact_exception(malformed) == 'invalid input syntax for type uuid: "…"'


def test_a_quotation_over_several_lines_is_removed_completely() -> None:
    malformed = psycopg.errors.InvalidTextRepresentation(f'invalid input syntax for type uuid: "{SECRET}\n{SECRET}"')
    assert redact_exception(malformed) == 'invalid input syntax for type uuid: "…"'


def test_an_exception_that_was_never_raised_has_no_text() -> None:
    assert redact_exception(ValueError(SECRET)) == "…"


def test_an_error_of_the_catalogue_keeps_all_but_client_input() -> None:
    refused = InvalidFilter(reason="Unknown property", token=SECRET, position=1, allowed=["status"])
    wrapped = errs.E("tasks.page", cause=refused)
    assert str(wrapped) == f"tasks.page: Unknown property at character 1, near '{SECRET}'. Allowed: status."
    assert redact_exception(wrapped) == "Unknown property at character 1, near '…'. Allowed: status."
