"""The HTTP client for dependencies: one instance for each dependency, created in ``app.wiring``.

::

    keys = HttpClient("keys", "https://login.example.com", timeout=timedelta(seconds=2), hooks=(log_transitions,))
    found = keys.get("/.well-known/jwks.json")             # JSON as Python objects: validate it
    found = keys.get("/tokeninfo", params={"access_token": token}, headers={"Accept-Language": "en"})
    made = billing.post("/charges", {"amount": "9.80"}, key=str(job.id))   # None for a response without a body
    billing.put("/customers/7", {"name": "Alice"})
    billing.delete("/customers/7")

Each call has a total timeout that includes name resolution and slow bodies (``deadline_transport``), and a size
limit. Transient errors are tried three times, within a retry budget and behind a circuit breaker. A POST is repeated
only with an idempotency key, which the dependency must support; without one, a failed POST may have been applied. PUT
and DELETE are idempotent (RFC 9110, section 9.2.2). The client does not follow redirects, store cookies, or use
proxies and ``.netrc`` of the environment. It sends the request ID, the trace, and the remaining time.

Failures are application errors (``answers``). Their kind is UNAVAILABLE (not reached), DEADLINE (too late), EXTERNAL
(no usable response), or the kind in the problem document of the dependency. The error context has the status of the
response as ``remote_status``, if there was one. A 4xx is not retried, and does not count as a failure of the
dependency. Texts of the dependency are only logged, never returned to callers.
"""

from app.clients.http.client import HttpClient

__all__ = ["HttpClient"]
