"""Routes that Werkzeug has found before, by path without a last segment that is an ID.

Werkzeug finds a route in Python, segment by segment, in a twentieth of the time of a request. Here only routes are
kept whose result no other segment changes: those without parameters, and those whose only parameter is an ID at the
end, if every other route below the same path has an ID or a fixed text there.
"""

from collections.abc import Mapping
from typing import Any, Final, cast
from uuid import UUID

from werkzeug.routing import Map, MapAdapter, Rule, RuleFactory

from app.rest.converters import ResourceId
from app.wire.ids import is_id


class RouteMap(Map):
    """Werkzeug's map of routes, which counts its changes."""

    version = 0

    def add(self, rulefactory: RuleFactory) -> None:
        """Add a route."""
        self.version += 1
        super().add(rulefactory)


KEPT: Final = "app_known_routes"
"""The attribute of an adapter with its known routes."""
Found = tuple[Rule, Mapping[str, Any]]


class KnownRoutes:
    """The known routes of a map."""

    def __init__(self, url_map: RouteMap) -> None:
        self._map, self._version = url_map, 0
        self._fixed: dict[tuple[str, str], Rule] = {}
        self._with_id: dict[tuple[str, str], tuple[Rule, str]] = {}

    def find(self, path: str, method: str) -> Found | None:
        """Return the route and its arguments, if it is known."""
        if self._map.version != self._version:
            self._version = self._map.version
            self._fixed.clear()
            self._with_id.clear()
        rule = self._fixed.get((path, method))
        if rule is not None:
            return rule, {}
        before, _, last = path.rpartition("/")
        known = self._with_id.get((before, method))
        return (known[0], {known[1]: UUID(last)}) if known is not None and is_id(last) else None

    def learn(self, path: str, method: str, rule: Rule, arguments: Mapping[str, Any]) -> None:
        """Keep a route that Werkzeug has found, if it is one of those above."""
        if rule.redirect_to is not None or rule.defaults:
            return
        if not arguments and rule.rule == path:
            self._fixed[path, method] = rule
        before, _, last = path.rpartition("/")
        if is_id(last) and len(arguments) == 1 and self._is_certain(before, rule):
            self._with_id[before, method] = rule, *arguments  # type: ignore[assignment]  # one name

    def _is_certain(self, before: str, rule: Rule) -> bool:
        """Return True if the rule ends with an ID, and no other rule below the same path can match one."""
        name, start = next(iter(rule.arguments)), f"{before}/"
        others = [each.rule.removeprefix(start) for each in self._map.iter_rules() if each.rule.startswith(start)]
        return (
            rule.rule == f"{start}<id:{name}>"
            and type(rule._converters[name]) is ResourceId  # noqa: SLF001 -- Werkzeug has no public name for it
            and all(each.startswith("<id:") or _is_fixed(each.partition("/")[0]) for each in others)
        )


def _is_fixed(segment: str) -> bool:
    return "<" not in segment and not is_id(segment)


def of(adapter: MapAdapter) -> KnownRoutes:
    """Return the known routes of an adapter's map, which is a ``RouteMap``."""
    known: KnownRoutes | None = adapter.__dict__.get(KEPT)
    if known is None:
        known = adapter.__dict__[KEPT] = KnownRoutes(cast("RouteMap", adapter.map))
    return known
