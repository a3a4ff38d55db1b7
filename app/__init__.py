"""The application in layers. A request enters at the top; imports point down only.

::

    factory                     the wiring on one page
    cli                         the flask commands
    contract                    the comparison with the recorded contract
    rest | rpc                  HTTP and gRPC
    extensions                  Flask's extensions, created once
    rate_limiting               Flask-Limiter for several applications
    wire                        formats of requests and responses: schemas, filters, page tokens, masks
    wiring                      session and clock become Services
    services                    a method is a use case and a transaction
    repositories | clients      collections in PostgreSQL; outside systems
    models | resilience         typed models; deadlines, breakers, retries
    observability               logs, metrics
    config | context | errs     settings; request ID, deadline, principal; errors
    library_versions            the versions of libraries whose steps are repeated in a faster way
"""

import sys
from typing import TYPE_CHECKING, Any

from app.product import NAME

if sys.flags.optimize > 1:
    sys.exit(
        f"{NAME} does not start:\n  - PYTHONOPTIMIZE=2 removes docstrings, which are the titles of errors:"
        " set it to 1 or 0, or leave -OO out"
    )
if TYPE_CHECKING:
    from flask import Flask

    from app.config import Settings


def create_app(settings: "Settings | None" = None, **options: Any) -> "Flask":
    """Return the application, with the settings of the environment unless others are passed.

    Other arguments are those of :func:`app.factory.create_app`.

    Raises:
        app.config.InvalidSettings: the environment is not fit to run with; every fault is named.
    """
    from app.factory import create_app as build  # noqa: PLC0415 -- so that app.errs is importable without Flask

    return build(settings, **options)
