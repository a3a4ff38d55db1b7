"""The state that a limiter has for one application.

Flask-Limiter 4.1 stores settings, limits and storage in the extension itself. Bound to two applications, it has the
limits of the first and the storage of the last. Here, each of these attributes has a value for each application.
"""

from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final, NamedTuple, Protocol
from weakref import WeakSet, ref

from flask import Flask
from flask.globals import _cv_app

KEY: Final = "app-limiter"
ATTRIBUTES: Final = (
    "initialized",
    "limit_manager",
    "_application_limits_cost",
    "_application_limits_deduct_when",
    "_application_limits_exempt_when",
    "_application_limits_per_method",
    "_default_limits_cost",
    "_default_limits_deduct_when",
    "_default_limits_exempt_when",
    "_default_limits_per_method",
    "_fail_on_first_breach",
    "_fallback_limiter",
    "_fallback_storage",
    "_header_mapping",
    "_headers_enabled",
    "_in_memory_fallback",
    "_in_memory_fallback_enabled",
    "_key_prefix",
    "_limiter",
    "_meta_limits",
    "_on_breach",
    "_on_meta_breach",
    "_request_identifier",
    "_retry_after",
    "_storage",
    "_storage_dead",
    "_storage_options",
    "_storage_uri",
    "_strategy",
    "_swallow_errors",
    "_Limiter__check_backend_count",
    "_Limiter__last_check_backend",
)
"""The attributes that ``Limiter.init_app`` of Flask-Limiter sets, or that its methods change at run time."""


class Bound(Protocol):
    """A limiter: the initial values for applications, and its bindings to applications."""

    defaults: dict[str, Any]
    bindings: "WeakSet[Binding]"
    is_switched_on: bool


class Way(Enum):
    """How the limits of an endpoint are evaluated before its view is called."""

    NOT = "not at all"
    DIRECTLY = "only RATE_LIMIT and the operation's own limit apply"
    BY_FLASK_LIMITER = "anything else"


class Plan(NamedTuple):
    """The plan of an endpoint: the evaluation of limits before its view is called."""

    way: Way
    above: str | None = None
    """The name of a view that was decorated above its route: the decoration is never called."""


@dataclass(eq=False, slots=True, weakref_slot=True)
class Binding:
    """The values of the attributes for one application."""

    limiter: Bound
    app: "ref[Flask]"
    values: dict[str, Any]
    is_enabled: bool = True
    """``RATELIMIT_ENABLED`` of the application."""
    settings: dict[str, Any] | None = None
    """The ``RATELIMIT_…`` settings that it was bound with; ``None`` until that is done."""
    is_current: bool = False
    """True after the settings were compared with those at the first request."""
    plans: dict[str | None, Plan] = field(default_factory=dict)


class OfApplication:
    """An attribute of the limiter that has a value for each application.

    Without an application context, reading returns the initial value, and setting changes it for all applications.
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def __get__(self, limiter: Bound | None, _owner: object = None) -> Any:
        if limiter is None:
            return self
        binding = of_current(limiter)
        values = limiter.defaults if binding is None else binding.values
        try:
            return values[self._name]
        except KeyError:
            raise AttributeError(self._name) from None

    def __set__(self, limiter: Bound, value: object) -> None:
        binding = of_current(limiter)
        if binding is None:
            limiter.defaults[self._name] = value
        for each in (binding,) if binding else tuple(limiter.bindings):
            each.values[self._name] = value
            each.plans.clear()


class Enabled:
    """``limiter.enabled``: one switch for all applications, and ``RATELIMIT_ENABLED`` of each."""

    def __get__(self, limiter: Bound | None, _owner: object = None) -> Any:
        if limiter is None:
            return self
        binding = of_current(limiter)
        if binding is None:
            return limiter.is_switched_on
        is_bound = binding.settings is not None
        return binding.is_enabled and (limiter.is_switched_on or not is_bound)

    def __set__(self, limiter: Bound, value: bool) -> None:
        binding = of_current(limiter)
        if binding is not None and binding.settings is None:  # Flask-Limiter sets it from the application's settings
            binding.is_enabled = value
            return
        limiter.is_switched_on = value
        for each in tuple(limiter.bindings):
            each.plans.clear()


def of_current(limiter: Bound) -> Binding | None:
    """Return the binding to the current application, if there is one."""
    try:
        binding: Binding | None = _cv_app.get().app.extensions.get(KEY)
    except LookupError:  # no application context
        return None
    return binding if binding is not None and binding.limiter is limiter else None
