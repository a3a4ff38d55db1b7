"""The debug listener: a view into the running process for operators with the token.

It listens on loopback and uses its own threads, so it responds even if all others are stuck. It is not a part of the
API, and returns plain text, JSON and one page. It shows code, counts and request IDs, never arguments, environment
variables, settings or data.
"""

from app.observability.debug.listener import Listener

__all__ = ["Listener"]
