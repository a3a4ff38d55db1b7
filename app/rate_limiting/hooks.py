"""Flask-Limiter's hooks after a request, called only if it has evaluated limits itself."""

from collections.abc import Callable
from functools import partial
from typing import Any, Final

from flask import Flask, Response
from flask.globals import _cv_request

from app.rate_limiting.results import CONTEXT

AFTER: Final = "__inject_headers"
AT_END: Final = "__release_context"


def shorten(app: Flask) -> None:
    """Wrap the hooks that Flask-Limiter has just registered."""
    after, at_end = app.after_request_funcs[None], app.teardown_request_funcs[None]
    after[:] = [_after(each) if _name(each) == AFTER else each for each in after]
    at_end[:] = [_at_end(each) if _name(each) == AT_END else each for each in at_end]


def _name(hook: Any) -> object:
    return getattr(hook.func if isinstance(hook, partial) else hook, "__name__", None)


def _after(hook: Callable[..., Any]) -> Callable[[Response], Any]:
    def inject_headers(response: Response) -> Any:
        context = _cv_request.get().request.environ.get(CONTEXT)
        return response if context is None or context.is_direct else hook(response)

    return inject_headers


def _at_end(hook: Callable[..., Any]) -> Callable[[BaseException | None], None]:
    def release_context(error: BaseException | None = None) -> None:
        context = _cv_request.get().request.environ.get(CONTEXT)
        if context is not None and not context.is_direct:
            hook(error)

    return release_context
