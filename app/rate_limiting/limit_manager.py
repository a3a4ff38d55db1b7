"""The limits of one application: its own settings, and the decorations that all applications share."""

from typing import Any, Final

import flask
from flask import Blueprint, Flask
from flask_limiter import ExemptionScope
from flask_limiter._limits import ApplicationLimit, Limit
from flask_limiter._manager import LimitManager
from ordered_set import OrderedSet

from app.rate_limiting import view_names
from app.rate_limiting.registry import Registry

ALL: Final = ExemptionScope.APPLICATION | ExemptionScope.DEFAULT | ExemptionScope.META


STATIC: Final = "/"
"""Ends the identifier of a static endpoint: Flask-Limiter never limits an endpoint that is named ``static``."""


class Manager(LimitManager):
    """Flask-Limiter's manager. It looks up blueprints by identity within its application, not by name."""

    def __init__(
        self, app: Flask, registry: Registry, application_limits: list[ApplicationLimit], default_limits: list[Limit]
    ) -> None:
        self._app, self._registry = app, registry
        super().__init__(
            application_limits=application_limits,
            default_limits=default_limits,
            decorated_limits=registry.decorated,
            blueprint_limits={},
            route_exemptions=registry.exempt_routes,
            blueprint_exemptions={},
        )

    @property
    def _blueprint_limits(self) -> dict[str, OrderedSet[Limit]]:
        found: dict[str, OrderedSet[Limit]] = {}
        for blueprint in self._blueprints():
            if limits := self._registry.limits_of.get(blueprint):
                found.setdefault(blueprint.name, OrderedSet()).update(limits)
        return found

    @_blueprint_limits.setter
    def _blueprint_limits(self, _limits: object) -> None:
        """Ignore the value: the registry stores it."""

    @property
    def _blueprint_exemptions(self) -> dict[str, ExemptionScope]:
        exempt = self._registry.exempt_blueprints
        return {each.name: exempt[each] for each in self._blueprints() if each in exempt}

    @_blueprint_exemptions.setter
    def _blueprint_exemptions(self, _exemptions: object) -> None:
        """Ignore the value, as above."""

    def _blueprints(self) -> list[Blueprint]:
        return [each for each in self._app.blueprints.values() if isinstance(each, Blueprint)]

    def exemption_scope(self, app: Flask, endpoint: str | None, blueprint: str | None) -> ExemptionScope:
        """Return the exemptions of the endpoint: all, if its operation is declared unlimited."""
        endpoint = endpoint.rstrip(STATIC) if endpoint else endpoint
        if not is_limited(app, endpoint):
            return ALL
        view = app.view_functions.get(endpoint or "")
        name = view_names.claimed(view) if view else None  # of a view that was decorated above its route, too
        own = self._route_exemptions.get(name, ExemptionScope.NONE) if name else ExemptionScope.NONE
        if (endpoint or "").rpartition(".")[2] == "static":  # RATE_LIMIT applies to it, other limits never do
            own |= ExemptionScope.DEFAULT
        named = (
            endpoint if view is None or view_names.qualified(view) else None
        )  # Flask-Limiter fails on a view without one
        return super().exemption_scope(app, named, blueprint) | own


def is_limited(app: Flask, endpoint: str | None) -> bool:
    """Return whether requests to the endpoint are counted, without considering ``limiter.exempt``."""
    operations: dict[tuple[str, str], Any] = app.extensions.get("app-operations", {})
    return all(each.is_limited for (name, _), each in operations.items() if name == endpoint)


def identify() -> str:
    """Return the identifier of the request that limits per route use: its endpoint."""
    endpoint = flask.request.endpoint or ""
    return endpoint + STATIC if endpoint.rpartition(".")[2] == "static" else endpoint
