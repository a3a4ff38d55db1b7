"""HTTP, as this service asks others by it: one client for each dependency, made in ``app.wiring``.

::

    keys = HttpClient("keys", "https://login.example.com", patience=timedelta(seconds=2), hooks=(log_turns, …))
    found = keys.get("/.well-known/jwks.json")             # JSON, as Python has it: look at what it is
    found = keys.get("/tokeninfo", params={"access_token": token}, headers={"Accept-Language": "en"})

Bounded in time, resolving the name and a dripping body included (``network``), and in bytes; three attempts of what may
pass, within a retry budget and behind a breaker. No redirect is followed, no cookie kept, no proxy or ``.netrc`` of the
environment heeded. The request's id, trace and the time that is left go along.

What goes wrong is an error of the house (``answers``), of kind UNAVAILABLE (not reached), DEADLINE (too late),
EXTERNAL (no usable answer), or what a problem document says; its fact ``remote_status`` is the status answered, if one
was. A 4xx is neither tried again nor held against the dependency. What the other side says is for the log, and nobody
is shown it.
"""

from app.clients.http.client import HttpClient

__all__ = ["HttpClient"]
