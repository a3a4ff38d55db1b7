"""The grammar of orders: ``due_date desc, title`` (AIP-132, C18)."""

import re
from collections.abc import Collection
from typing import Final

from app import errs
from app.models.query import Ordering
from app.wire.filter_lexer import WORD, FilterLexer

MOST_MEMBERS: Final = 5

_DIRECTIONS: Final = ("asc", "desc")
_COMMA: Final = re.compile(",")


def parse_order_by(text: str, members: Collection[str], default: tuple[Ordering, ...]) -> tuple[Ordering, ...]:
    """Return the sort order, or the default for a blank text.

    Raises:
        errs.lists.InvalidOrderBy: at the first token that is not allowed at its position.
    """
    if not text:
        return default
    scanner = FilterLexer(text, param="order_by", rejection=errs.lists.InvalidOrderBy)
    if scanner.is_at_end():
        return default
    order = [_ordering(scanner, members)]
    while not scanner.is_at_end():
        _take_comma(scanner)
        if len(order) == MOST_MEMBERS:
            raise scanner.reject("Too many properties", [f"at most {MOST_MEMBERS} properties"])
        taken = {ordering.member for ordering in order}
        order.append(_ordering(scanner, [member for member in members if member not in taken], taken))
    return tuple(order)


def order_pattern(members: Collection[str]) -> str:
    """Return the OpenAPI pattern of an order. A pattern can't express that each property occurs only once."""
    ordering = f"({'|'.join(members)})( +({'|'.join(_DIRECTIONS)}))? *"
    return f"^ *({ordering}(, *{ordering}){{0,{MOST_MEMBERS - 1}}})?$"


def _ordering(scanner: FilterLexer, members: Collection[str], taken: Collection[str] = ()) -> Ordering:
    name = scanner.peek(WORD)
    if name not in members:
        reason = "Unknown property" if name else "A property is expected"
        raise scanner.reject("A property is listed twice" if name in taken else reason, members, token=name)
    scanner.take(name)
    direction = scanner.peek(WORD)
    if direction and direction not in _DIRECTIONS:
        raise scanner.reject("asc, desc or a comma is expected", [*_DIRECTIONS, "a comma"])
    scanner.take(direction)
    return Ordering(name, descending=direction == "desc")


def _take_comma(scanner: FilterLexer) -> None:
    if not scanner.peek(_COMMA):
        raise scanner.reject("A comma is expected", ["a comma"])
    scanner.take(",")
