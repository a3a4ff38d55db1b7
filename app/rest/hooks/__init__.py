"""A hook is a file; each says in its docstring why it stands where it stands in ``HOOKS``.

Read the tuple from top to bottom: a request passes it downwards, its answer upwards. (The span of a traced
request is around all of them; overload is answered before there is a request.)
"""

from typing import Final

from app.rest.application import Application
from app.rest.hooks import (
    access_log,
    authentication,
    caching,
    cors,
    deadline,
    in_hand,
    limits,
    metering,
    recovery,
    request_id,
    routing,
    tracing,
    well_formed,
)

HOOKS: Final = (
    metering,
    request_id,
    tracing,
    in_hand,
    deadline,
    access_log,
    recovery,
    well_formed,
    cors,
    routing,
    limits,
    authentication,
    caching,
)


def install(app: Application) -> None:
    """Install every hook, in order."""
    for hook in HOOKS:
        hook.install(app)
