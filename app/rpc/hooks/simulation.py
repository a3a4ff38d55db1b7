"""Returns the error that the caller requests with ``simulate-error``, and does nothing else; see ``rest.hooks``.

Last before the handler: a caller without the right to call a method cannot make it fail. The hook is active only if
FAULTS_ON_DEMAND allows it.
"""

from collections.abc import Callable
from typing import Final

from app import errs
from app.errs import Error, Violation
from app.errs.access import InsufficientScope
from app.errs.requests import BodyTooLarge, ValidationFailed
from app.resilience import simulation
from app.rpc.calls import Call, Method
from app.wire.credentials import bearer_token
from app.wire.simulation import FIELD, read

NAME: Final = FIELD.lower()


def around(call: Call, proceed: Callable[[], bytes]) -> bytes:
    """Proceed unless the call requests an error and the first ``after`` calls have passed.

    Raises:
        Error: the requested error, marked as simulated.
        ValidationFailed: the method does not declare it, or the metadata is malformed.
        DeadlineExceeded: ``delay`` is longer than the budget; marked as simulated.
        ServiceUnavailable: ``delay`` got no work slot, like any slow call.
    """
    text = call.metadata.get(NAME)
    if text is None or call.method is None:
        return proceed()
    wanted = read(text, call.method.raises)
    if isinstance(wanted, Violation):
        raise ValidationFailed(violations=(wanted,))
    caller = bearer_token(call.metadata.get("authorization", "")) or call.client_address
    if not simulation.is_due(call.services.rate_limits, wanted.after, caller=caller, operation=call.method.name):
        return proceed()
    late = simulation.wait(wanted.delay, call.services.bulkhead) if wanted.delay else None
    call.is_simulated = True
    raise errs.simulated(late or _occurrence(wanted.named, call, call.method))


def _occurrence(named: type[Error], call: Call, method: Method) -> Error:
    """Return the error with the facts of its example, or with those of the method."""
    known: dict[type[Error], dict[str, object]] = {
        BodyTooLarge: {"limit": min(method.max_bytes, call.app.config["MAX_BODY_BYTES"])},
        InsufficientScope: {"scope": method.scope},
    }
    return errs.example_of(named, **known.get(named, {}))
