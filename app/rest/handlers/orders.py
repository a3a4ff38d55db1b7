"""Orders over HTTP."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any
from uuid import UUID

from app.models.orders import NewOrder, OrderView
from app.models.precondition import Precondition, revision
from app.request_context import ADMIN
from app.rest.blueprint import Blueprint
from app.rest.conditional import ProjectedResponse, conditional, etag
from app.rest.current import page_tokens, principal, services
from app.rest.idempotency import once
from app.rest.operations import KIB
from app.services.orders import OrderService
from app.wire.schemas import orders as wire

blp = Blueprint(
    "orders",
    __name__,
    scope="orders",
    max_body_bytes=32 * KIB,
    url_prefix="/v1",
    description="Orders of the caller.",
)
shipping = Blueprint("shipping", __name__, scope=ADMIN, url_prefix="/v1", description="Shipping of orders, for admins.")


@blp.route("/orders", methods=("POST",))
@once
@blp.arguments(wire.OrderCreateSchema)
@blp.response(HTTPStatus.CREATED, wire.OrderSchema, headers=("Location", "ETag"))
@blp.calls(OrderService.create)
def create_order(new: NewOrder) -> Any:
    """Create an order for the caller at current prices. Admins can create orders for other customers."""
    order = services().orders.create(new, by=principal())
    return wire.created(order), {"Location": f"/v1/orders/{order.id}", **_tag(order)}


@blp.route("/orders")
@blp.arguments(wire.ListOrdersSchema, location="query")
@blp.response(HTTPStatus.OK, wire.OrderListSchema)
@blp.calls(OrderService.page, reads_replica=True)
def list_orders(listing: wire.OrderListRequest) -> Any:
    """List the caller's orders. Admins get the orders of all customers. With items a page has at most 50 orders."""
    query = listing.query(page_tokens(), caller=principal().id)
    page = services().orders.page(query, by=principal(), expansion=listing.expansion)
    return ProjectedResponse(listing.answer(page, page_tokens(), caller=principal().id), listing.fields)


@blp.route("/orders/<id:order_id>")
@blp.arguments(wire.GetOrderQuerySchema, location="query")
@conditional(wire.READABLE)
@blp.response(HTTPStatus.OK, wire.OrderSchema, headers=("ETag",))
@blp.calls(OrderService.get, reads_replica=True)
def get_order(query: Mapping[str, Any], order_id: UUID, precondition: Precondition) -> Any:
    """Return one order, optionally with a page of its items."""
    expansion = wire.expansion(query, page_tokens(), order_id, caller=principal().id)
    rendered = services().orders.get(order_id, by=principal(), expansion=expansion, precondition=precondition)
    projected = ProjectedResponse(wire.rendered(rendered, page_tokens(), caller=principal().id), query["fields"])
    return projected, _tag(rendered.order, query["shown"])


@blp.route("/orders/<id:order_id>:cancel", methods=("POST",))
@conditional(wire.READABLE)
@blp.response(HTTPStatus.OK, wire.OrderSchema, headers=("ETag",))
@blp.calls(OrderService.cancel)
def cancel_order(order_id: UUID, precondition: Precondition) -> Any:
    """Cancel an order that is still pending."""
    order = services().orders.cancel(order_id, by=principal(), precondition=precondition)
    return wire.created_order(order), _tag(order)


@shipping.route("/orders/<id:order_id>:ship", methods=("POST",))
@conditional(wire.READABLE)
@shipping.response(HTTPStatus.OK, wire.OrderSchema, headers=("ETag",))
@shipping.calls(OrderService.ship)
def ship_order(order_id: UUID, precondition: Precondition) -> Any:
    """Mark an order as shipped (admins only)."""
    order = services().orders.ship(order_id, precondition=precondition)
    return wire.created_order(order), _tag(order)


def _tag(order: OrderView, members: Sequence[str] | None = None) -> dict[str, str]:
    return {"ETag": etag(revision(order.version, order.update_time), members or wire.READABLE)}
