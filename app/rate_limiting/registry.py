"""Decorations by view and by blueprint. They are made at import, and all applications share them."""

from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

from flask import Blueprint
from flask_limiter import ExemptionScope
from flask_limiter._limits import Limit
from ordered_set import OrderedSet


@dataclass(frozen=True, slots=True)
class Registry:
    """The views and blueprints with ``@limiter.limit`` or ``@limiter.exempt``."""

    decorated: dict[str, OrderedSet[Limit]]
    """By qualified name."""
    exempt_routes: dict[str, ExemptionScope]
    """By qualified name."""
    limits_of: WeakKeyDictionary[Blueprint, OrderedSet[Limit]] = field(default_factory=WeakKeyDictionary)
    exempt_blueprints: WeakKeyDictionary[Blueprint, ExemptionScope] = field(default_factory=WeakKeyDictionary)
