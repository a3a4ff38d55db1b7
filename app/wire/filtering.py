"""The grammar of filters: comparisons joined by AND, a subset of AIP-160 (C18).

::

    filter     = [ comparison { "AND" comparison } ]
    comparison = member operator value
    operator   = "=" | "!=" | "<" | "<=" | ">" | ">=" | ":"
    value      = "null" | word | "'" … "'" | '"' … '"'      a backslash escapes a quote or a backslash

There are no wildcards: ``%`` and ``_`` are ordinary characters.
"""

import re
from collections.abc import Mapping
from typing import Final

from app import errs
from app.models.query import Comparison, Operator, Value
from app.wire.filter_lexer import UNPRINTABLE, WORD, FilterLexer
from app.wire.filter_types import FilterMember, FilterValue

LONGEST: Final = 4096
MOST_COMPARISONS: Final = 20

_OPERATOR: Final = re.compile(r"[=!<>~:]+")
_BARE: Final = re.compile(r"[^\s\"'()<>=!,]+")
_BARE_FIT: Final = re.compile(r"[A-Za-z0-9_.:-]+")
_QUOTED_BEGUN: Final = re.compile(r"""(["'])(?:(?!\1)[^\\]|\\["'\\])*""")
_QUOTED: Final = re.compile(_QUOTED_BEGUN.pattern + r"\1")
_MISESCAPED: Final = re.compile(_QUOTED_BEGUN.pattern + r"""\\[^"'\\]""")
_UNSUPPORTED: Final = re.compile(r"(?:OR|NOT)\b|[()-]")
_WHY_UNSUPPORTED: Final = {
    "OR": "OR is not supported",
    "NOT": "NOT is not supported",
    "-": "NOT is not supported",
    "(": "Parentheses are not supported",
    ")": "Parentheses are not supported",
}


def parse_filter(text: str, members: Mapping[str, FilterMember]) -> tuple[Comparison, ...]:
    """Return the comparisons of a filter, which all must be true. A blank filter has no comparisons.

    Raises:
        errs.lists.InvalidFilter: at the first token that is not allowed at its position.
    """
    if not text:
        return ()
    scanner = FilterLexer(text, param="filter", rejection=errs.lists.InvalidFilter)
    if len(text) > LONGEST:
        raise scanner.reject("The filter is too long", [f"at most {LONGEST} characters"], at=LONGEST)
    if scanner.is_at_end():
        return ()
    comparisons = [_comparison(scanner, members)]
    while not scanner.is_at_end():
        _take_and(scanner)
        if len(comparisons) == MOST_COMPARISONS:
            raise scanner.reject("Too many comparisons", [f"at most {MOST_COMPARISONS} comparisons"])
        comparisons.append(_comparison(scanner, members))
    return tuple(comparisons)


def _comparison(scanner: FilterLexer, members: Mapping[str, FilterMember]) -> Comparison:
    name = _take_member(scanner, members)
    operator = _take_operator(scanner, members[name])
    return Comparison(name, operator, _take_value(scanner, members[name], operator))


def _take_and(scanner: FilterLexer) -> None:
    if scanner.peek(WORD) != "AND":
        raise scanner.reject(_why_unsupported(scanner) or "AND is expected", ["AND"])
    scanner.take("AND")


def _take_member(scanner: FilterLexer, members: Mapping[str, FilterMember]) -> str:
    name = scanner.peek(WORD)
    if name not in members:
        reason = _why_unsupported(scanner) or ("Unknown property" if name else "A property is expected")
        raise scanner.reject(reason, members, token=name)
    scanner.take(name)
    return name


def _why_unsupported(scanner: FilterLexer) -> str | None:
    return _WHY_UNSUPPORTED.get(scanner.peek(_UNSUPPORTED))


def _take_operator(scanner: FilterLexer, member: FilterMember) -> Operator:
    symbol = scanner.peek(_OPERATOR)
    if symbol not in member.operators:
        reason = "The property does not support this operator" if symbol else "An operator is expected"
        raise scanner.reject(reason, member.operators, token=symbol)
    scanner.take(symbol)
    return Operator(symbol)


def _take_value(scanner: FilterLexer, member: FilterMember, operator: Operator) -> Value:
    is_nullable = member.nullable and operator in {Operator.EQ, Operator.NE}
    allowed = (*member.values, "null") if is_nullable else member.values
    found = _filter_value(scanner, allowed)
    if found.is_null and not is_nullable:
        raise scanner.reject("null is not allowed here", allowed)
    try:
        value = None if found.is_null else member.read(found)
    except ValueError as error:
        raise scanner.reject(str(error), allowed, token=found.raw) from None
    scanner.take(found.raw)
    return value


def _filter_value(scanner: FilterLexer, allowed: tuple[str, ...]) -> FilterValue:
    if begun := scanner.peek(_QUOTED_BEGUN):
        return _quoted(scanner, begun, allowed)
    bare = scanner.peek(_BARE)
    if not bare:
        raise scanner.reject(_why_unsupported(scanner) or "A value is expected", allowed)
    if not _BARE_FIT.fullmatch(bare):
        raise scanner.reject("A value with such characters requires quotes", allowed, token=bare)
    return FilterValue(bare)


def _quoted(scanner: FilterLexer, begun: str, allowed: tuple[str, ...]) -> FilterValue:
    if unprintable := UNPRINTABLE.search(begun):
        at = scanner.at + unprintable.start()
        raise scanner.reject("A control character is not allowed", allowed, at=at)
    if quoted := scanner.peek(_QUOTED):
        return FilterValue(quoted)
    if scanner.peek(_MISESCAPED):
        at = scanner.at + len(begun)
        raise scanner.reject("A backslash escapes only a quote or a backslash", allowed, at=at)
    raise scanner.reject("The string is not closed", allowed)
