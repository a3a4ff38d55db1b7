"""Every declared error of every method, as the drivers read it: ``folder`` writes the list to ``errors.json``.

A driver calls the method with an empty request and with ``simulate-error`` set to the code, and checks the client's
representation of the error. After an unexpected rate limit, it waits for the delay of ``RetryInfo`` and calls again.
"""

from collections.abc import Iterator
from typing import TypedDict

from app.rpc.error_numbers import error_number
from app.rpc.errors import CODES
from app.rpc.services import METHODS


class DeclaredError(TypedDict):
    """An error that a method declares."""

    method: str
    """The name in its service, such as ``CreateTask``."""
    code: str
    status: int
    """The number of the gRPC status."""
    number: int
    """The number in ``AppErrorCode``."""


def declared_errors() -> Iterator[DeclaredError]:
    """Yield every error of every method."""
    for path, method in METHODS.items():
        for named in method.raises:
            yield {
                "method": path.rpartition("/")[2],
                "code": named.code,
                "status": CODES[named.kind].value[0],
                "number": error_number(named.code, named.kind),
            }
