"""The debug listener: what this process does at this moment, for whoever has the token.

It answers on loopback, from threads of its own, when all others are stuck, and is no part of the API: it speaks plain
text, JSON and one page. It shows code, counts and request ids, never arguments, environment, settings or data.
"""

from app.observability.debug.listener import Listener

__all__ = ["Listener"]
