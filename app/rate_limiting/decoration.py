"""``@limiter.limit(...)``, with checks of its arguments at the time of decoration."""

from collections.abc import Callable
from typing import Any

from flask import Blueprint
from flask_limiter import RouteLimit
from limits import parse_many

from app.rate_limiting import view_names


class Decoration(RouteLimit):
    """Flask-Limiter's decorator and context manager."""

    def __call__(self, obj: Any) -> Any:
        """Limit a view or a blueprint."""
        if isinstance(obj, Blueprint):
            self.limiter.add_blueprint_limit(obj, self)
            return None
        view_names.claim(obj)
        self.limiter.forget_plans()
        return super().__call__(obj)


def check_notation(limit: object, name: str) -> None:
    """Reject a rate limit that cannot be parsed; Flask-Limiter would log an error at each request and not limit.

    Raises:
        ValueError: the text is not a rate limit.
    """
    if isinstance(limit, str):
        try:
            parse_many(limit)
        except ValueError as invalid:
            raise ValueError(f"{name}: {limit!r} is not a rate limit; write '3 per minute'.") from invalid


def check_callable(function: Callable[..., Any] | None, name: str) -> None:
    """Reject a callback that is not a function.

    Raises:
        TypeError: it cannot be called.
    """
    if function is not None and not callable(function):
        raise TypeError(f"{name} is a function, not {function!r}.")
