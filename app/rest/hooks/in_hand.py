"""Notes which thread works on which request, for the debug listener. After the request id, which it tells."""

from app import context
from app.observability import in_hand
from app.rest.application import Application
from app.rest.request import Request


def install(app: Application) -> None:
    """Install the hook."""
    app.hook(before=_begin, end=in_hand.end)


def _begin(request: Request) -> None:
    in_hand.begin(context.request_id.get(), request.method, request.path)
