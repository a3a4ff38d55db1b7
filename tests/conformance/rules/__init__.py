"""The rules, by concern; importing this enters them all.

A rule is what its source says and no more. General ones stand on an RFC and tell in which words it speaks; where an RFC
leaves a choice, each choice passes. What only Candor promises is in ``contract_*`` and asked of nobody else.
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
