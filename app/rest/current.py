"""The services, the caller and the clock of the current request."""

from app import request_context
from app.request_context import Principal
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
    """Return the signer of page tokens."""
    tokens: PageTokens = application().extensions["app-page-tokens"]
    return tokens


def clock() -> Clock:
    """Return the clock of the request."""
    return services().clock


def client_network() -> str:
    """Return the network of the client, as reported by trusted proxies."""
    return client_addresses.network_of(current().client_address)


def principal() -> Principal:
    """Return the authenticated caller.

    Raises:
        LookupError: the operation is public, and has no caller.
    """
    caller = request_context.principal.get()
    if caller is None:
        raise LookupError("a public operation has no principal")
    return caller
