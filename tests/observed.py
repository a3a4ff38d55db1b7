"""The errors that the tests of a run have provoked. Workers of pytest-xdist hand theirs to the controller."""

import json
from typing import Any, Final

from app import errs
from tests.oracle import PROBLEMS

PROVOKED: Final[set[tuple[str, str]]] = set()
"""Every operation and the code of every error that the tests have seen it end with."""
UNDECLARED: Final[list[str]] = []
"""Errors of the present test that its operation doesn't declare."""


def _watch(operation: str, error: errs.Error, declared: bool) -> None:
    code = errs.definition(error).code
    PROVOKED.add((operation, code))
    if not declared:
        UNDECLARED.append(f"{operation} ended with {code}, which it does not declare")


errs.WATCHERS.append(_watch)


def exported() -> dict[str, Any]:
    """Return what this process has observed, in types that execnet can send."""
    return {"provoked": sorted(PROVOKED), "problems": json.dumps(PROBLEMS)}


def merge(observed: dict[str, Any]) -> None:
    """Add what another process has observed."""
    PROVOKED.update(map(tuple, observed["provoked"]))
    for code, documents in json.loads(observed["problems"]).items():
        PROBLEMS.setdefault(code, []).extend(documents)
