"""Flask-Limiter's ``Limiter``, created once and bound to any number of applications.

``RATE_LIMIT`` and an operation's own limit are application limits: they apply to every route before its view is called.
"""

import copy
import weakref
from collections.abc import Callable
from typing import Any, Final, cast

import flask
import flask_limiter
from flask import Blueprint, Flask, Request
from flask.globals import _cv_app, _cv_request
from flask_limiter import ApplicationLimit, ExemptionScope, RateLimitExceeded, RequestLimit
from flask_limiter.constants import ConfigVars
from ordered_set import OrderedSet

from app.rate_limiting import declared_limits, hooks, settings, view_names
from app.rate_limiting.application_state import ATTRIBUTES, KEY, Binding, Enabled, OfApplication, Plan, Way
from app.rate_limiting.decoration import Decoration, check_notation
from app.rate_limiting.limit_manager import ALL, Manager, identify
from app.rate_limiting.limits_storage_adapter import SCHEME, RateLimitStorage, rate_limit_store
from app.rate_limiting.registry import Registry
from app.rate_limiting.results import CONTEXT, Context, Counted, keep_retry_after

MARK: Final = "__wrapper-limiter-instance"
"""Flask-Limiter's attribute of the functions that evaluate limits when they are called."""
_request: Final = cast("Callable[[], Request]", flask.request._get_current_object)  # type: ignore[attr-defined]  # noqa: SLF001 -- public, says Werkzeug
_app: Final = cast("Callable[[], Flask]", flask.current_app._get_current_object)  # type: ignore[attr-defined]  # noqa: SLF001 -- as above


class Limiter(flask_limiter.Limiter):
    """The extension, as Flask-Limiter's manual describes it."""

    def __init__(self, key_func: Callable[[], str], **options: Any) -> None:
        self.defaults: dict[str, Any] = {}
        self.is_switched_on = True
        self.bindings: weakref.WeakSet[Binding] = weakref.WeakSet()
        self._proxy = weakref.proxy(self)
        super().__init__(key_func, **options)
        self.registry = Registry(self.limit_manager._decorated_limits, self._route_exemptions)  # noqa: SLF001

    def init_app(self, app: Flask) -> None:
        """Bind an application. Its ``RATELIMIT_…`` settings are read here, and again when it is called again.

        Raises:
            ValueError, TypeError: a setting would be ignored; the message names it.
        """
        settings.check(app.config)
        binding = app.extensions[KEY] = Binding(self, weakref.ref(app), self._initial_values(app))
        self.bindings.add(binding)
        with app.app_context():
            super().init_app(app)
            hooks.shorten(app)
            if self._headers_enabled and keep_retry_after not in app.after_request_funcs[None]:
                app.after_request_funcs[None].append(keep_retry_after)  # possibly at the first request
        binding.settings = settings.of(app.config)
        self.defaults["initialized"] = True
        binding.plans.clear()

    def _initial_values(self, app: Flask) -> dict[str, Any]:
        """Return the values that Flask-Limiter completes from the settings of the application."""
        values = {name: copy.copy(value) for name, value in self.defaults.items()}
        unbound = self.defaults["limit_manager"]
        added = app.config.get(ConfigVars.APPLICATION_LIMITS)
        values["limit_manager"] = Manager(
            app,
            self.registry,
            [
                *unbound._application_limits,  # noqa: SLF001
                *([ApplicationLimit(added, finalized=False).bind(self)] if added else ()),
            ],
            [copy.copy(each) for each in unbound._default_limits],  # noqa: SLF001
        )
        values["initialized"] = False
        values["_storage_uri"] = app.config.get(ConfigVars.STORAGE_URI) or f"{SCHEME}://"
        values["_request_identifier"] = app.config.get(ConfigVars.REQUEST_IDENTIFIER) or identify
        return values

    @property
    def context(self) -> Context:
        """Return the results of the current request."""
        try:
            environ = _cv_request.get().request.environ
        except LookupError:
            environ = _request().environ  # raises Flask's own error
        context: Context | None = environ.get(CONTEXT)
        if context is None:
            context = environ[CONTEXT] = Context()
        return context

    def limit(self, limit_value: str | Callable[[], str], **options: Any) -> Decoration:
        """Return the decorator of Flask-Limiter's manual; it rejects a limit that cannot be parsed."""
        return _checked(super().limit(limit_value, **options), limit_value)

    def shared_limit(self, limit_value: str | Callable[[], str], scope: Any, **options: Any) -> Decoration:
        """Return the decorator of Flask-Limiter's manual, as above."""
        return _checked(super().shared_limit(limit_value, scope, **options), limit_value)

    def exempt(self, obj: Any = None, *, flags: ExemptionScope = ALL) -> Any:
        """Exempt a view or a blueprint; also a decorator with flags."""
        if isinstance(obj, Blueprint):
            self.registry.exempt_blueprints[obj] = flags
        elif obj is not None:
            view_names.claim(obj)
            obj = super().exempt(obj, flags=flags)
        else:
            return super().exempt(flags=flags)
        self.forget_plans()
        return obj

    def request_filter(self, fn: Callable[[], bool]) -> Callable[[], bool]:
        """Add a function that exempts requests."""
        self.forget_plans()
        return super().request_filter(fn)

    def add_blueprint_limit(self, blueprint: Blueprint, limit: Decoration) -> None:
        """Limit the views of a blueprint."""
        self.registry.limits_of.setdefault(blueprint, OrderedSet()).add(limit)
        self.forget_plans()

    def forget_plans(self) -> None:
        """Note that something was decorated."""
        for binding in self.bindings:
            binding.plans.clear()

    def reset(self) -> None:
        """Clear all limits of the current application, or of every application without a context."""
        if flask.current_app:
            super().reset()
            return
        for app in [each for binding in self.bindings if (each := binding.app()) and binding.values["_storage"]]:
            with app.app_context():
                try:
                    super().reset()
                except Exception:  # one storage that does not answer
                    self.logger.exception("the limits of an application are not cleared")

    def _check_request_limit(self, callable_name: str | None = None, in_middleware: bool = True) -> None:
        """Evaluate the limits of the current request: Flask-Limiter calls this before each view and in decorations."""
        request, app = _cv_request.get().request, _cv_app.get().app
        if not in_middleware:
            self._evaluate(request, callable_name, in_middleware=False)
            return
        if not getattr(request, "is_dispatched", True):  # no view will run: Flask answers OPTIONS, 404 and 405
            return
        binding = self._current_binding(app)
        endpoint = request.endpoint
        plan = binding.plans.get(endpoint) or self._planned(app, binding, request)
        if plan.way is Way.DIRECTLY:
            self._count(request, app)
        elif plan.way is Way.BY_FLASK_LIMITER:
            self._evaluate(request, view_names.stand_in(app.view_functions.get(endpoint or "")), in_middleware=True)
        if plan.above:
            self._evaluate(request, plan.above, in_middleware=False)

    def _current_binding(self, app: Flask) -> Binding:
        """Return the binding; settings that were changed before the first request are read again.

        Raises:
            ValueError, TypeError: as ``init_app``.
        """
        binding: Binding = app.extensions[KEY]
        if not binding.is_current:
            if settings.of(app.config) != binding.settings:
                self.init_app(app)
                binding = app.extensions[KEY]
            binding.is_current = True
        return binding

    def _evaluate(self, request: Request, callable_name: str | None, *, in_middleware: bool) -> None:
        """Have Flask-Limiter evaluate the limits, and keep the results for the header fields."""
        self.context.is_direct = False
        try:
            super()._check_request_limit(callable_name, in_middleware)
        finally:
            kept: tuple[RequestLimit, ...] = getattr(request, "limits", ())
            found = (each for each in self.context.view_rate_limits if each not in kept)
            request.limits = (*kept, *found)  # type: ignore[attr-defined]  # any request class

    def _count(self, request: Request, app: Flask) -> None:
        """Count the request as Flask-Limiter would if only the two limits apply.

        Raises:
            RateLimitExceeded: a limit is exceeded.
        """
        address, counters, results = self._key_func(), rate_limit_store(app), list[RequestLimit]()
        for scope, limit, (before, after), seconds in declared_limits.applicable(app, request):
            key = f"{before}{address}{after}"
            window = counters.increment(key, seconds=seconds)
            results.append(Counted(self._proxy, limit, [address, scope], key, window))
            if results[-1].breached:
                break
        request.limits = tuple(results)  # type: ignore[attr-defined]  # as above
        context = self.context
        context.view_rate_limits, context.view_rate_limit, context.is_direct = results, None, True
        if results:
            context.view_rate_limit = results[-1] if results[-1].breached else results[0]
            if results[-1].breached:
                self._exceed(results[-1])

    def _exceed(self, result: RequestLimit) -> None:
        """Raise the error and log the message of Flask-Limiter."""
        address, scope = result.request_args
        self.logger.info("ratelimit %s (%s) exceeded at endpoint: %s", result.limit, address, scope)
        raise RateLimitExceeded(
            next(
                each
                for each in self.limit_manager.application_limits
                if each.limit == result.limit and each.scope_for("", None) == scope
            )
        )

    def _planned(self, app: Flask, binding: Binding, request: Request) -> Plan:
        """Decide once for an endpoint how its limits are evaluated; any later decoration or setting discards it."""
        endpoint, view = request.endpoint, app.view_functions.get(request.endpoint or "")
        if not self.enabled or not self.initialized:
            plan = Plan(Way.NOT)
        elif not self._is_plain():
            plan = Plan(Way.BY_FLASK_LIMITER, self._decorated_above(view))
        elif view is None:
            plan = Plan(Way.NOT)
        elif self._is_decorated(endpoint, request.blueprint, view):
            plan = Plan(Way.BY_FLASK_LIMITER, self._decorated_above(view))
        else:
            is_exempt = (
                self.limit_manager.exemption_scope(app, endpoint, request.blueprint) & ExemptionScope.APPLICATION
            )
            plan = Plan(Way.NOT if is_exempt else Way.DIRECTLY)
        binding.plans[endpoint] = plan
        return plan

    def _is_plain(self) -> bool:
        """Return whether the application uses only the application limits of Flask-Limiter."""
        manager, unbound = self.limit_manager, self.defaults["limit_manager"]
        return (
            type(self._storage) is RateLimitStorage
            and manager._application_limits == unbound._application_limits  # noqa: SLF001
            and not manager._default_limits  # noqa: SLF001
            and self._request_identifier is identify
            and bool(self._fail_on_first_breach)
            and not any(
                (
                    self._meta_limits,
                    self._on_breach,
                    self._headers_enabled,
                    self._key_prefix,
                    self._request_filters,
                )
            )
        )

    def _is_decorated(self, endpoint: str | None, blueprint: str | None, view: Callable[..., Any]) -> bool:
        """Return whether limits were declared on the view, on a function that it calls, or on its blueprint."""
        manager, name = self.limit_manager, view_names.qualified(view)
        above = {*(blueprint or "").split(".")}
        if registered := _app().blueprints.get(blueprint or ""):  # an endpoint without a blueprint may contain a dot
            above.add(registered.name)
        return (
            name in self._marked_for_limiting
            or view_names.claimed(view) is not None
            or manager.has_hints(endpoint or "")
            or bool(above & (manager._blueprint_limits.keys() | manager._blueprint_exemptions.keys()))  # noqa: SLF001
        )

    def _decorated_above(self, view: Callable[..., Any] | None) -> str | None:
        """Return the name of a view with ``@limiter.limit`` above its route, where the decoration is never called."""
        name = view_names.claimed(view) if view else None
        return None if hasattr(view, MARK) or name not in self._marked_for_limiting else name


def _checked(decoration: Any, limit_value: object) -> Decoration:
    check_notation(limit_value, "limiter.limit")
    decoration.__class__ = Decoration
    return cast("Decoration", decoration)


for _name, _attribute in {"enabled": Enabled(), **{name: OfApplication(name) for name in ATTRIBUTES}}.items():
    setattr(Limiter, _name, _attribute)
