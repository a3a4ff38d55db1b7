"""The parts of an error that every transport shows alike: its code, its facts, and the wait before a retry."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from app.errs.catalogue import definition
from app.errs.error import Error, chain, is_code, says
from app.errs.kinds import Fault, Kind

WAIT: Final = 1
"""Seconds that a client is asked to wait where the error does not specify any."""
WAITED_FOR: Final = frozenset({Kind.RATE_LIMITED, Kind.UNAVAILABLE})
"""Kinds whose answers always specify a wait."""
_LIST: Final = list[str]
_MAPPING: Final = dict[str, str]


def shown_code(error: Error) -> str:
    """Return the code for clients: the error's own if it is UPPER_SNAKE, otherwise that of its definition.

    A fault of the service is always ``INTERNAL_ERROR``.
    """
    own = error.code
    is_shown = error.kind.fault is not Fault.SERVICE and is_code(own)
    return own if is_shown else definition(error).code


def shown_wait(error: Error) -> int | None:
    """Return the seconds for ``Retry-After``: the error's own, otherwise the default of its kind, which may be none."""
    if error.retry_after is not None:
        return error.retry_after
    return WAIT if error.kind in WAITED_FOR and not definition(error).is_lasting else None


def known_facts(error: Error) -> Mapping[str, Any]:
    """Return the facts of an error and of its causes, down to the one that determines code and kind."""
    if error.__cause__ is None:
        return error.facts
    facts: dict[str, Any] = {}
    for link in chain(error):
        if isinstance(link, Error):
            facts = {**link.facts, **facts}
            if says(link, "kind") or says(link, "code"):
                break
    return facts


def shown_facts(error: Error) -> dict[str, Any]:
    """Return the facts that the definition declares, as far as they are known, each of its declared type."""
    declared = definition(error).declared_facts
    if not declared:
        return {}
    known = known_facts(error)
    typed = {name: _typed(known.get(name), kind) for name, kind in declared.items()}
    return {name: fact for name, fact in typed.items() if fact is not None}


def _typed(fact: Any, kind: Any) -> Any:
    """Return a fact as its declared type; ``None`` if it cannot be that."""
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
    """Return a fact as a list of texts; one text is a list of one, and sets are sorted."""
    if isinstance(fact, str):
        return [fact]
    if not isinstance(fact, Iterable):
        return None
    texts = map(str, fact)
    return sorted(texts) if isinstance(fact, set | frozenset) else list(texts)
