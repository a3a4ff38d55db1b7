"""What belongs to the request at hand: its services, its caller, its clock."""

from app import context
from app.context import Principal
from app.resilience.clock import Clock
from app.rest.request import application, current
from app.wire import client_addresses
from app.wire.page_tokens import PageTokens
from app.wiring import Services


def services() -> Services:
    """Return the use cases of this application."""
    wired: Services = application().extensions["app-services"]
    return wired


def page_tokens() -> PageTokens:
    """Return what seals and opens page tokens."""
    tokens: PageTokens = application().extensions["app-page-tokens"]
    return tokens


def clock() -> Clock:
    """Return the clock that the request goes by."""
    return services().clock


def client_network() -> str:
    """Return the network that the request comes from, as far as our proxies are believed."""
    return client_addresses.network_of(current().client_address)


def principal() -> Principal:
    """Return who asks.

    Raises:
        LookupError: the operation is public, and nobody was asked for.
    """
    caller = context.principal.get()
    if caller is None:
        raise LookupError("a public operation has no principal")
    return caller
