"""The rules, by subject; importing this registers all of them.

A rule states the requirement of its source and no more. General rules cite an RFC and its keyword; where an RFC
allows a choice, each choice passes. Promises of Candor alone are in ``contract_*``, for its own profile only.
"""

from tests.conformance.rules import (
    authentication,
    bodies,
    caching,
    conditional,
    connections,
    contract_bodies,
    contract_errors,
    contract_requests,
    contract_resources,
    creation,
    errors,
    everything,
    framing,
    hosts,
    json_texts,
    lines,
    methods,
    negotiation,
    preconditions,
    ranges,
    targets,
)

__all__ = [
    "authentication",
    "bodies",
    "caching",
    "conditional",
    "connections",
    "contract_bodies",
    "contract_errors",
    "contract_requests",
    "contract_resources",
    "creation",
    "errors",
    "everything",
    "framing",
    "hosts",
    "json_texts",
    "lines",
    "methods",
    "negotiation",
    "preconditions",
    "ranges",
    "targets",
]
