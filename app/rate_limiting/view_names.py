"""Names of decorated functions, made unique.

Flask-Limiter 4.1 stores limits and exemptions by module, name and qualified name. Functions with the same name share
them. Examples are the views of an application factory that is called twice, where each request counts twice, and all
lambdas of one function, including lambdas without a decoration.
"""

import inspect
from collections import Counter
from collections.abc import Callable
from types import FunctionType
from typing import Any, Final
from weakref import WeakKeyDictionary

from flask_limiter.util import get_qualified_name

_CLAIMED: Final[WeakKeyDictionary[Any, str]] = WeakKeyDictionary()
_TAKEN: Final[Counter[str]] = Counter()


def claim(function: Callable[..., Any]) -> None:
    """Give a function that is about to be decorated a name that no other function has.

    A function of a module keeps its name, unless another one of this name was decorated before.
    """
    innermost = inspect.unwrap(function)
    if not isinstance(function, FunctionType) or not isinstance(innermost, FunctionType):
        return
    if innermost not in _CLAIMED:
        name = get_qualified_name(function)
        _TAKEN[name] += 1
        is_unique = _TAKEN[name] == 1 and "<locals>" not in name and "<lambda>" not in name
        _CLAIMED[innermost] = function.__qualname__ + ("" if is_unique else f"#{_TAKEN[name]}")
    function.__qualname__ = _CLAIMED[innermost]


def claimed(view: Callable[..., Any]) -> str | None:
    """Return the name under which the function inside a view was decorated; ``None`` if it was not."""
    innermost = inspect.unwrap(view)
    if not isinstance(innermost, FunctionType) or innermost not in _CLAIMED:
        return None
    return f"{view.__module__}.{view.__name__}.{_CLAIMED[innermost]}"


def qualified(view: Callable[..., Any]) -> str | None:
    """Return the name under which Flask-Limiter stores limits; ``None`` for a view without a name (``partial``)."""
    return get_qualified_name(view) if hasattr(view, "__name__") and hasattr(view, "__qualname__") else None


def stand_in(view: Callable[..., Any] | None) -> str | None:
    """Return a placeholder name, without limits, for a view that has no name; ``None`` for any other view."""
    return None if view is None or qualified(view) else f"a view of {type(view).__qualname__}"
