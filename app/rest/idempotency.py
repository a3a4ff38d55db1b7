"""``@once``: a repeated creation with the same Idempotency-Key gets the first response again.

It runs before validation: a replay works even if its due date has passed. The unit of work of the handler joins the one
that stores the response.
"""

import hashlib
import json
from collections.abc import Callable
from functools import wraps
from typing import Any, Final

from flask import Response, make_response

from app.errs.requests import InvalidIdempotencyKey
from app.rest import body, operations, query
from app.rest.current import principal, services
from app.rest.request import current
from app.services.idempotency import Answer, IdempotencyService
from app.wire.idempotency_keys import key_of

HEADER: Final = "Idempotency-Key"
STORED: Final = ("Content-Type", "Location", "ETag")


def once(view: Callable[..., Any]) -> Callable[..., Any]:
    """Run the handler once per Idempotency-Key. Without a key, run it each time."""

    @wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        sent = current().sent(HEADER)
        if sent is None:
            return view(*args, **kwargs)

        def answer() -> Answer:
            made = make_response(view(*args, **kwargs))
            kept = {name: made.headers[name] for name in STORED if name in made.headers}
            return Answer(made.status_code, kept, made.get_data())

        stored = services().idempotency.once(key_of(sent), by=principal(), fingerprint=fingerprint(), answer=answer)
        response = Response(stored.body, status=stored.status, headers=stored.headers)
        if stored.is_replay:
            response.headers["Idempotent-Replayed"] = "true"
        return response

    operations.extend(guarded).add([InvalidIdempotencyKey])
    operations.declare_calls(guarded, IdempotencyService.once)
    guarded.__dict__["_apidoc"] = {**getattr(view, "_apidoc", {}), "once": True}
    return guarded


def fingerprint() -> bytes:
    """Return the digest that identical requests share: of method, path, query and parsed body."""
    request = current()
    same = [request.method, request.path, query.given(request), body.parsed(request)]
    return hashlib.sha256(json.dumps(same, sort_keys=True).encode()).digest()
