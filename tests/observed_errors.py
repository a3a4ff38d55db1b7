"""The errors that the tests of a run have provoked. Workers of pytest-xdist send theirs to the controller."""

import json
from typing import Any, Final

from app import errs
from tests.operations_that_ran import RAN
from tests.response_checks import PROBLEMS

PROVOKED: Final[set[tuple[str, str]]] = set()
"""Every operation and the code of every error that the tests have seen it end with."""
UNDECLARED: Final[list[str]] = []
"""Errors of the present test that its operation doesn't declare."""


def _watch(operation: str, error: errs.Error, declared: bool) -> None:
    named = errs.definition(error)
    PROVOKED.add((operation, named.code))
    if not declared:
        name = f"errs.{named.__module__.rpartition('.')[2]}.{named.__name__}"
        how = f"@blp.raises({name}) declares it on a handler, @raises({name}) on a use case"
        UNDECLARED.append(f"{operation} ended with {named.code}, which it does not declare: {how}")


errs.WATCHERS.append(_watch)


def exported() -> dict[str, Any]:
    """Return the observations of this process, in types that execnet can send."""
    return {"provoked": sorted(PROVOKED), "problems": json.dumps(PROBLEMS), "ran": RAN}


def merge(observed: dict[str, Any]) -> None:
    """Add the observations of another process."""
    PROVOKED.update(map(tuple, observed["provoked"]))
    for code, documents in json.loads(observed["problems"]).items():
        PROBLEMS.setdefault(code, []).extend(documents)
    RAN.update(observed["ran"])
