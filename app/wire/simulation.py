"""The parser of ``Simulate-Error: TASK_TITLE_TAKEN; after=2; delay=1.5``: the error that a caller requests.

The value is an Item of structured fields (RFC 9651, section 3.3) whose bare item is a Token: the code. Its parameters
are ``after``, an Integer, and ``delay``, an Integer or a Decimal of seconds. In gRPC it is ``simulate-error``.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from app.errs import Error, Violation
from app.errs.platform import DeadlineExceeded

FIELD: Final = "Simulate-Error"
LONGEST: Final = 256
"""Characters of a value; a code has at most 63."""
_PARAMETER: Final = r"; *([a-z*][a-z0-9_.*-]*)(?:=([!-:<-~]+))?"
_ITEM: Final = re.compile(rf" *([A-Za-z*][A-Za-z0-9!#$%&'*+.^_`|~:/-]*)((?:{_PARAMETER})*) *")
_EACH: Final = re.compile(_PARAMETER)
_INTEGER: Final = re.compile(r"-?[0-9]{1,15}")
_DECIMAL: Final = re.compile(r"-?[0-9]{1,12}\.[0-9]{1,3}")
_FORM: Final = "must be a code with optional parameters, such as TASK_TITLE_TAKEN; after=2; delay=1.5"
_NOWHERE: Final = "is for operations, which declare their errors. This route is not an operation"
_PARAMETERS: Final = "can have the parameters after, a number of requests, and delay, a number of seconds"


@dataclass(frozen=True, slots=True)
class Simulation:
    """A simulated error.

    Args:
        named: the error.
        after: the number of requests that are handled normally before the first failure.
        delay: seconds before the error is returned.
    """

    named: type[Error]
    after: int
    delay: float


def read(text: str, declared: Iterable[type[Error]]) -> Simulation | Violation:
    """Return the requested simulation, or the rule that the value violates.

    Args:
        text: the value. Two header fields are joined by a comma, and violate the format.
        declared: the errors that the operation declares.
    """
    by_code = {each.code: each for each in declared}
    found = _ITEM.fullmatch(text) if len(text) <= LONGEST else None
    if found is None:
        return _violation("INVALID_FORMAT", _FORM)
    given = dict(_EACH.findall(found[2]))  # if a parameter occurs twice, the last one counts
    if not given.keys() <= {"after", "delay"}:
        return _violation("INVALID_VALUE", _PARAMETERS)
    after, delay = given.get("after", "0"), given.get("delay", "0")
    if not _INTEGER.fullmatch(after) or not (_INTEGER.fullmatch(delay) or _DECIMAL.fullmatch(delay)):
        return _violation("INVALID_FORMAT", _PARAMETERS)
    if int(after) < 0 or float(delay) < 0:
        return _violation("INVALID_VALUE", f"{_PARAMETERS}. They must not be negative")
    if found[1] not in by_code:
        return _violation("INVALID_VALUE", _choice(by_code))
    if float(delay) and DeadlineExceeded.code not in by_code:
        return _violation("INVALID_VALUE", f"can have delay only if the operation declares {DeadlineExceeded.code}")
    return Simulation(by_code[found[1]], int(after), float(delay))


def _choice(codes: Iterable[str]) -> str:
    listed = ", ".join(sorted(codes))
    return f"must be an error that the operation declares: {listed}" if listed else _NOWHERE


def _violation(code: str, message: str) -> Violation:
    return Violation(FIELD, code, f"{FIELD} {message}", header=FIELD)
