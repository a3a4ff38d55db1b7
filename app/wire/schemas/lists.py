"""The query and response of lists: filter, order, pages and projection (AIP-132, 158, 160), for every resource."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Final, Self
from uuid import UUID

from app.errs.lists import InvalidFilter, InvalidOrderBy, InvalidPageToken
from app.models.invisible_characters import CONTROLS
from app.models.query import Comparison, Cursor, ListQuery, Ordering, Page
from app.models.resource import Resource
from app.wire import fields, filtering
from app.wire.field_filters import filter_of
from app.wire.filter_types import FilterMember
from app.wire.filtering import parse_filter
from app.wire.list_parameters import FieldsParameter, PageSize, PageToken
from app.wire.ordering import order_pattern, parse_order_by
from app.wire.page_tokens import PageTokens
from app.wire.schemas.base import QuerySchema, Schema

PRINTABLE: Final = f"^[^{CONTROLS}]*$"
"""The OpenAPI pattern of every query parameter: no control characters."""
_NULL: Final = ("= null", "!= null")
"""The additional comparisons of a property that can be null."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListRules:
    """The filterable and sortable properties of a list. ``order_by`` is the default order, ``example`` a filter."""

    resource: str
    items: Sequence[str]
    filterable: Mapping[str, FilterMember]
    orderable: Sequence[str]
    order_by: str
    example: str = ""

    @classmethod
    def of(cls, model: type[Resource], schema: type[Schema], *, example: str) -> Self:
        """Return the rules of a model and its schema: filterable by every property, and orderable by indexes."""
        readable = schema().dump_fields
        found = {name: filter_of(field) for name, field in readable.items()}
        return cls(
            resource=model.__tablename__,
            items=tuple(readable),
            filterable={name: member for name, member in found.items() if member is not None},
            orderable=tuple(name for name in readable if name in model.sorted_by()),
            order_by="create_time desc",
            example=example,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ListRequest:
    """A request for a list. Its pages are bound to the caller, the filter, the order, and to a parent if it has one."""

    rules: ListRules
    filter: str
    order_by: str
    page_size: int
    page_token: str
    fields: tuple[str, ...] | None
    where: tuple[Comparison, ...]
    order: tuple[Ordering, ...]
    parent: tuple[str, ...] = ()

    def under(self, parent: UUID) -> Self:
        """Return the request for the list under a parent, to which its page tokens are bound."""
        return replace(self, parent=(str(parent),))

    def query(self, tokens: PageTokens, *, caller: str) -> ListQuery:
        """Return the query for the repository.

        Raises:
            InvalidPageToken: the token is not valid for this list.
        """
        after = tokens.open(self.page_token, bound_to=self._binding(caller)) if self.page_token else None
        return ListQuery(self.where, self.order, self.page_size, after, (*self.rules.orderable,))

    def answer(self, page: Page[Any], tokens: PageTokens, *, caller: str) -> dict[str, Any]:
        """Return the page as the list's schema describes it."""
        return {
            self.rules.resource: page.rows,
            "next_page_token": self._seal(page.next, tokens, caller),
            "total_size": page.total_size,
        }

    def _seal(self, cursor: Cursor | None, tokens: PageTokens, caller: str) -> str | None:
        return None if cursor is None else tokens.seal(cursor, bound_to=self._binding(caller))

    def _binding(self, caller: str) -> tuple[str, ...]:
        return (self.rules.resource, self.filter, self.order_by, caller, *self.parent)


class ListSchema(QuerySchema):
    """The query parameters of a list. A subclass defines ``rules`` of its resource, and can add parameters.

    Added parameters are attributes of its ``request``.
    """

    rules: ClassVar[ListRules]
    request: ClassVar[type[ListRequest]] = ListRequest
    default: ClassVar[tuple[Ordering, ...]]
    raises: ClassVar = (InvalidFilter, InvalidOrderBy, InvalidPageToken)

    page_size = PageSize()
    page_token = PageToken()

    def __init_subclass__(cls) -> None:
        """Declare the parameters ``filter``, ``order_by`` and ``fields`` from the rules."""
        super().__init_subclass__()
        rules = cls.rules
        cls.default = parse_order_by(rules.order_by, rules.orderable, ())
        declared = cls._declared_fields
        members = {
            name: [*member.operators, *_NULL[: 2 * member.nullable]] for name, member in rules.filterable.items()
        }
        comparisons: dict[str, Any] = {
            "description": _filter_help(rules),
            "maxLength": filtering.LONGEST,
            "pattern": PRINTABLE,
        }
        comparisons["x-members"] = members
        declared["filter"] = fields.Text(load_default="", metadata=comparisons)
        order: dict[str, Any] = {"description": _order_help(rules), "pattern": order_pattern(rules.orderable)}
        order |= {"x-members": [*rules.orderable], "x-default": rules.order_by}
        declared["order_by"] = fields.Text(load_default="", metadata=order)
        declared["fields"] = FieldsParameter(rules.items)

    def make(self, values: dict[str, Any]) -> ListRequest:
        """Return the request.

        Raises:
            InvalidFilter, InvalidOrderBy: the filter or the order is invalid.
        """
        where = parse_filter(values["filter"], self.rules.filterable)
        order = parse_order_by(values["order_by"], self.rules.orderable, self.default)
        return self.request(rules=self.rules, where=where, order=order, **values)


def _filter_help(rules: ListRules) -> str:
    members = "\n".join(f"- {name} `{' '.join(member.operators)}`" for name, member in rules.filterable.items())
    example = f", such as `{rules.example}`" if rules.example else ""
    return f"Comparisons joined by AND{example}. The properties and their operators:\n\n{members}"


def _order_help(rules: ListRules) -> str:
    members = ", ".join(rules.orderable)
    return (
        f"The properties to sort by, separated by commas, each with asc or desc: {members}. Default: {rules.order_by}."
    )
