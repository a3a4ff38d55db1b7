"""The request hooks, one per file. Each docstring explains the hook's position in ``order.HOOKS``.

They are Flask hooks: ``before_request`` functions run from the first to the last of the tuple, ``after_request`` and
``teardown_request`` functions from the last to the first. Hooks that you register run after these before the view, and
before these after the view. To run first, insert a hook into ``app.before_request_funcs[None]``.

``rest.middleware``, around Flask, adds the parts of every response: request ID, access log, metrics, tracing.
``rest.overload`` rejects requests under overload before a request object exists.
"""
