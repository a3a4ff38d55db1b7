"""The start of a wait for a dependency, announced to the server, which may call another thread to poll."""


def _nothing() -> None:
    pass


on_begin = _nothing
"""Called when a request takes or awaits a work slot. The server sets it."""
