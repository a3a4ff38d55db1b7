"""A hook is a file; each says in its docstring why it stands where it stands in ``HOOKS``.

They are Flask's: ``before_request`` functions run from the top of the tuple to its end, ``after_request`` and
``teardown_request`` functions from its end to the top. A hook of your own that you register runs after all of these on
the way in, and before them on the way out; to run first, insert it into ``app.before_request_funcs[None]``.

What every answer carries stands around Flask, in ``rest.middleware``: request id, access log, metrics, tracing.
Overload is answered before there is a request (``rest.overload``).
"""

from typing import Final

from flask import Flask

from app.rest.hooks import admission, authentication, caching, limits, simulation

HOOKS: Final = (admission, limits, authentication, simulation, caching)


def install(app: Flask) -> None:
    """Register every hook, in order."""
    for hook in HOOKS:
        hook.install(app)
