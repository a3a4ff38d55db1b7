"""Notes which thread works on which request, for the debug listener. After the request id, which it tells."""

from flask import Flask, request

from app import context
from app.observability import in_hand


def install(app: Flask) -> None:
    """Install the hook."""
    app.before_request(_begin)
    app.teardown_request(_end)


def _begin() -> None:
    in_hand.begin(context.request_id.get(), request.method, request.path)


def _end(_exc: BaseException | None) -> None:
    in_hand.end()
