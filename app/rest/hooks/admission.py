"""Starts the time budget, rejects malformed messages, answers preflight requests and ``OPTIONS *``.

First: the budget pays for everything else, and malformed HTTP comes before all other errors (C9a). Flask raises 404 and
405 once all ``before_request`` functions have run; limits and authentication leave such requests alone. One function,
because Flask's overhead for each is larger than the cost of these four files.
"""

from flask import Flask, Response

from app.rest.hooks import authentication, cors, deadline, routing, well_formed
from app.rest.request import HELD, application, current


def install(app: Flask) -> None:
    """Register the hook."""
    app.before_request(admit)


def admit() -> Response | None:
    """Answer what needs no route.

    Raises:
        MalformedRequest: it is not an HTTP message whose target is beyond doubt.
    """
    app, request = application(), current()
    if HELD not in request.environ:
        request.before = tuple(variable.get() for variable in authentication.SET)
    deadline.start(app, request)
    well_formed.check(request)
    if request.method == "OPTIONS" and not request.is_dispatched and (answer := cors.preflight(app, request)):
        return answer
    return routing.route(request)
