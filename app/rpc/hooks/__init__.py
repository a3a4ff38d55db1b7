"""Hooks around every call, one per file; each docstring explains the hook's position in ``order.HOOKS``.

They correspond to ``rest.hooks``. A call passes the tuple from top to bottom, its response from bottom to top. Overload
is rejected before a thread is taken, and the deadline starts when the call arrives: see ``admission``.
"""
