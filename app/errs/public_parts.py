"""The parts of an error that are the same on every transport: code, text, facts, and advice about retries."""

from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Any, Final

from app.errs.catalogue import definition
from app.errs.error import Error, causes, has_own, is_code
from app.errs.kinds import Fault, Kind

DEFAULT_WAIT: Final = 1
"""Seconds in ``Retry-After`` if the error does not specify any."""
KINDS_WITH_WAIT: Final = frozenset({Kind.RATE_LIMITED, Kind.UNAVAILABLE})
"""Kinds whose responses always specify a wait."""
_LIST: Final = list[str]
_MAPPING: Final = dict[str, str]


class Outcome(Enum):
    """The possible effect of a failed request. The value is added to the text, unless the fault is the client's."""

    UNCHANGED = ""
    """No change was sent."""
    REPEATABLE = " The service may have applied the change. It is safe to send the same request again."
    """A retry cannot make the change twice: the method is idempotent, or the request has a key or a precondition."""
    DOUBTFUL = " The service may have applied the change. Read the current state before you send the request again."
    """A retry can make the change twice."""


def outcome(*, is_changing: bool | None, is_repeatable: bool) -> Outcome:
    """Return the outcome of a request.

    Args:
        is_changing: true if a change was sent for it (``request_context.changing``).
        is_repeatable: true if a retry of the same request cannot make the change twice.
    """
    if not is_changing:
        return Outcome.UNCHANGED
    return Outcome.REPEATABLE if is_repeatable else Outcome.DOUBTFUL


def public_message(error: Error, outcome: Outcome) -> str:
    """Return the text for clients."""
    text = error.message or definition(error).client
    is_unsettled = error.kind.retryable and error.kind.fault is not Fault.CLIENT
    return text + outcome.value if is_unsettled else text


def is_retryable(error: Error, outcome: Outcome) -> bool:
    """Return true if the client can safely send the same request again."""
    return error.kind.retryable and outcome is not Outcome.DOUBTFUL


def public_code(error: Error) -> str:
    """Return the code for clients: the error's own if it is UPPER_SNAKE, otherwise that of its definition.

    A fault of the service is always ``INTERNAL_ERROR``.
    """
    own = error.code
    is_shown = error.kind.fault is not Fault.SERVICE and is_code(own)
    return own if is_shown else definition(error).code


def public_wait(error: Error) -> int | None:
    """Return the seconds for ``Retry-After``: from the error, otherwise the default of its kind, or ``None``."""
    if error.retry_after is not None:
        return error.retry_after
    return DEFAULT_WAIT if error.kind in KINDS_WITH_WAIT and not definition(error).is_lasting else None


def known_facts(error: Error) -> Mapping[str, Any]:
    """Return the facts of an error and of its causes, up to the cause that determines code and kind."""
    if error.__cause__ is None:
        return error.facts
    facts: dict[str, Any] = {}
    for link in causes(error):
        if isinstance(link, Error):
            facts = {**link.facts, **facts}
            if has_own(link, "kind") or has_own(link, "code"):
                break
    return facts


def public_facts(error: Error) -> dict[str, Any]:
    """Return the known facts that the definition declares, with their declared types."""
    declared = definition(error).declared_facts
    if not declared:
        return {}
    known = known_facts(error)
    typed = {name: _typed(known.get(name), kind) for name, kind in declared.items()}
    return {name: fact for name, fact in typed.items() if fact is not None}


def _typed(fact: Any, kind: Any) -> Any:
    """Return a fact with its declared type, or ``None`` if the fact has another type."""
    if fact is None or type(fact) is kind:
        return fact
    if kind == _LIST:
        return _texts(fact)
    if kind == _MAPPING:
        return {str(name): str(each) for name, each in fact.items()} if isinstance(fact, Mapping) else None
    if kind is str:
        return str(fact)
    return float(fact) if kind is float and type(fact) is int else None


def _texts(fact: Any) -> list[str] | None:
    """Return a fact as a list of texts. One text becomes a list, and sets are sorted."""
    if isinstance(fact, str):
        return [fact]
    if not isinstance(fact, Iterable):
        return None
    texts = map(str, fact)
    return sorted(texts) if isinstance(fact, set | frozenset) else list(texts)
