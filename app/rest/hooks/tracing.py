"""Has every request traced, where that is on. The span is around everything; second here, since it is right about the
trace: the caller's, or where there is none a new one.
"""

from app import context
from app.rest.application import Application
from app.rest.request import Request


def install(app: Application) -> None:
    """Install the hook; where tracing is off, there is nothing to install."""
    tracing = app.extensions.get("candor-tracing")
    if tracing is None:
        return
    app.wsgi_app = tracing.around_requests(app.wsgi_app)  # type: ignore[method-assign]  # as Flask's documentation says

    def begin(_request: Request) -> None:
        context.trace_id.set(tracing.trace_id() or context.trace_id.get())

    app.hook(before=begin)
