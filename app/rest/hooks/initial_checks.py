"""Starts the time budget, rejects malformed messages, and responds to preflight requests and ``OPTIONS *``.

First: the budget includes all other processing, and malformed HTTP comes before all other errors (C9a). Flask raises
404 and 405 after all ``before_request`` functions; limits and authentication ignore such requests. It is one function,
because Flask's overhead for a function is larger than the cost of these four files.
"""

from flask import Flask, Response

from app.rest.hooks import authentication, cors, deadline, special_targets, well_formed
from app.rest.request import HELD, application, current


def install(app: Flask) -> None:
    """Register the hook."""
    app.before_request(admit)


def admit() -> Response | None:
    """Return the response to requests that need no route.

    Raises:
        MalformedRequest: it is not an HTTP message with a clear target.
    """
    app, request = application(), current()
    if HELD not in request.environ:
        request.before = tuple(variable.get() for variable in authentication.SET)
    deadline.start(app, request)
    well_formed.check(request)
    if request.method == "OPTIONS" and not request.is_dispatched and (answer := cors.preflight(app, request)):
        return answer
    return special_targets.route(request)
