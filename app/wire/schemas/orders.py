"""The schemas of orders."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final, cast
from uuid import UUID

import marshmallow as ma

from app.errs.lists import InvalidPageToken
from app.models.invisible_characters import CONTROLS
from app.models.orders import (
    CUSTOMER_LENGTH,
    MAX_EXPANDED_ORDERS,
    MAX_ITEMS,
    MAX_QUANTITY,
    TOTAL_DIGITS,
    Expansion,
    NewItem,
    NewOrder,
    Order,
    OrderWithItems,
    Status,
)
from app.models.products import PRICE_DIGITS, Currency
from app.models.query import Cursor, Page
from app.wire import fields, filter_types
from app.wire.list_parameters import FieldsParameter, PageSize, PageToken
from app.wire.page_tokens import PageTokens
from app.wire.schemas import products
from app.wire.schemas.base import QuerySchema, Schema
from app.wire.schemas.lists import ListRequest, ListRules, ListSchema
from app.wire.validators import Breach, OneOf, Pattern, Range

EXPAND: Final = "items"
_WHEN: Final = "2026-11-21T09:30:00.000001Z"


class OrderItemSchema(Schema):
    """A quantity of a product."""

    sku = products.sku(required=True)
    quantity = fields.Integer(
        required=True,
        validate=Range(min=1, max=MAX_QUANTITY),
        metadata={"example": 2, "description": "The number of pieces."},
    )
    unit_price = fields.Money(
        digits=PRICE_DIGITS,
        dump_only=True,
        metadata={"example": "4.90", "description": "The price of one piece at the time of the order."},
    )


class OrderItemCreateSchema(OrderItemSchema):
    """A quantity of a product to order. The service sets the price."""

    def make(self, values: dict[str, Any]) -> NewItem:
        """Return the item."""
        return NewItem(**values)


class OrderSchema(Schema):
    """An order."""

    id = fields.Text(
        dump_only=True,
        metadata={
            "format": "uuid",
            "example": "8c1b2c1e-6f4e-4d4c-9d6e-0d9b6a1f2a33",
            "description": "The ID of the order.",
        },
    )
    customer_id = fields.Text(
        required=True,
        validate=Pattern(
            f"^[^{CONTROLS}]{{1,{CUSTOMER_LENGTH}}}$",
            code="INVALID_FORMAT",
            message=f"must have 1 to {CUSTOMER_LENGTH} characters without control characters",
        ),
        metadata={
            "example": "alice",
            "description": "The subject of the customer's token, such as the ID of a user.",
        },
    )
    status = fields.EnumName(
        Status,
        prefix="STATUS_",
        default=Status.PENDING,
        dump_only=True,
        metadata={"description": "The state of the order."},
    )
    currency = products.currency(required=True)
    items = fields.Listed(
        fields.Object(OrderItemSchema),
        longest=MAX_ITEMS,
        allow_none=True,
        metadata={"description": "The items; null without `expand=items`."},
    )
    items_next_page_token = fields.Text(
        dump_only=True,
        allow_none=True,
        metadata={"description": "`items_page_token` of the next page of items; null on the last page."},
    )
    total = fields.Money(
        digits=TOTAL_DIGITS, dump_only=True, metadata={"example": "9.80", "description": "The sum of all items."}
    )
    create_time = fields.Timestamp(
        dump_only=True, metadata={"example": _WHEN, "description": "When the order was created."}
    )
    update_time = fields.Timestamp(
        dump_only=True, metadata={"example": _WHEN, "description": "When the order was last changed."}
    )


class NewItems(fields.Listed):
    """The items of a new order, at least one."""

    def rejection(self, value: object) -> Breach | None:
        """Reject an empty list too."""
        return Breach("TOO_SHORT", "must have at least one item") if value == [] else super().rejection(value)


class OrderCreateSchema(OrderSchema):
    """An order to create. The service sets prices and the total."""

    items = NewItems(
        fields.Object(OrderItemCreateSchema),
        longest=MAX_ITEMS,
        required=True,
        metadata={"minItems": 1, "description": "The items to order."},
    )

    def make(self, values: dict[str, Any]) -> NewOrder:
        """Return the order."""
        return NewOrder(**{**values, "items": tuple(values["items"])})


class OrderListSchema(Schema):
    """A page of orders."""

    projects = "orders"

    orders = fields.Listed(
        fields.Object(OrderSchema), longest=1000, metadata={"description": "The orders of the page."}
    )
    next_page_token = fields.Text(
        allow_none=True, metadata={"description": "`page_token` of the next page; null on the last page."}
    )
    total_size = fields.Integer(
        metadata={
            "description": "The items of all pages, counted on the first page; -1 if counting takes too long.",
            "minimum": -1,
        }
    )


READABLE: Final = tuple(OrderSchema().dump_fields)
_OWN: Final = tuple(name for name in READABLE if name not in {"items", "items_next_page_token"})


def created(order: Order) -> dict[str, Any]:
    """Return a new order for its schema, with all items."""
    return {**created_order(order), "items": order.items}


def created_order(order: Any) -> dict[str, Any]:
    """Return an order for its schema, without items."""
    return {**{name: getattr(order, name) for name in _OWN}, "items": None, "items_next_page_token": None}


def rendered(each: OrderWithItems, tokens: PageTokens, *, caller: str) -> dict[str, Any]:
    """Return an order for its schema, with the requested items."""
    if each.items is None:
        return created_order(each.order)
    more = each.items.next
    token = None if more is None else tokens.seal(Cursor((more,), -1), bound_to=_binding(each.order.id, caller))
    return {**created_order(each.order), "items": each.items.rows, "items_next_page_token": token}


def _binding(order_id: UUID, caller: str) -> tuple[str, ...]:
    return ("order items", str(order_id), caller)


def _expand() -> fields.Text:
    description = f"Returns the items of each order: {EXPAND}. Then a page has at most {MAX_EXPANDED_ORDERS} orders."
    return fields.Text(load_default=None, validate=OneOf([EXPAND]), metadata={"description": description})


def _items_page_size() -> PageSize:
    return PageSize(default=MAX_ITEMS, largest=MAX_ITEMS)


def _is_requested(expand: str | None, shown: tuple[str, ...] | None) -> bool:
    """Return true if the response contains items."""
    return expand is not None and (shown is None or EXPAND in shown)


class _GetOrderSchema(QuerySchema):
    """The query parameters of an order."""

    raises: ClassVar = (InvalidPageToken,)

    expand = _expand()
    items_page_size = _items_page_size()
    items_page_token = PageToken("`items_next_page_token` of the previous page of items.")

    def make(self, values: dict[str, Any]) -> dict[str, Any]:
        """Return the parameters, and the values that distinguish responses, for the entity tag."""
        if values["items_page_token"] and values["expand"] is None:
            breach = Breach("INVALID_VALUE", f"requires expand={EXPAND}")
            raise ma.ValidationError({"items_page_token": [breach]})
        shown = values["fields"] or READABLE
        if _is_requested(values["expand"], values["fields"]):
            shown = (*shown, f"{values['items_page_size']}", values["items_page_token"])
        return {**values, "shown": shown}


GetOrderQuerySchema = _GetOrderSchema.from_dict({"fields": FieldsParameter(READABLE)}, name="GetOrderQuerySchema")


def expansion(query: Mapping[str, Any], tokens: PageTokens, order_id: UUID, *, caller: str) -> Expansion | None:
    """Return the requested page of items of the order.

    Raises:
        InvalidPageToken: the token is not valid for items of this order.
    """
    if not _is_requested(query["expand"], query["fields"]):
        return None
    size, token = query["items_page_size"], query["items_page_token"]
    if not token:
        return Expansion(size)
    try:
        (after,) = tokens.open(token, bound_to=_binding(order_id, caller)).keys
    except InvalidPageToken as error:
        error.param = "items_page_token"
        raise
    return Expansion(size, cast("int", after))


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderListRequest(ListRequest):
    """A request for a list of orders."""

    expand: str | None
    items_page_size: int

    @property
    def expansion(self) -> Expansion | None:
        """The requested page of items of each order."""
        return Expansion(self.items_page_size) if _is_requested(self.expand, self.fields) else None

    def answer(self, page: Page[OrderWithItems], tokens: PageTokens, *, caller: str) -> dict[str, Any]:
        """Return the page as the list's schema describes it."""
        rows = tuple(rendered(each, tokens, caller=caller) for each in page.rows)
        return ListRequest.answer(self, Page(rows, page.next, page.total_size), tokens, caller=caller)


class ListOrdersSchema(ListSchema):
    """The query parameters of the list of orders."""

    request: ClassVar = OrderListRequest
    rules: ClassVar = ListRules(
        resource="orders",
        items=READABLE,
        filterable={
            "customer_id": filter_types.text(),
            "status": filter_types.choice(Status, prefix="STATUS_"),
            "currency": filter_types.choice(Currency, prefix=""),
            "create_time": filter_types.timestamp(),
            "update_time": filter_types.timestamp(),
        },
        orderable=("create_time", "update_time"),
        order_by="create_time desc",
        example='status = PENDING AND create_time < "2027-01-01T00:00:00Z"',
    )

    expand = _expand()
    items_page_size = _items_page_size()
