"""Returns the error that the caller requests with ``Simulate-Error``, without any other effect (C25b).

After authentication: a caller without permission for an operation cannot make it fail. Before the handler: no body is
read, no query is sent, no Idempotency-Key is stored. The hook is registered only if FAULTS_ON_DEMAND allows it.
"""

from flask import Flask

from app import errs, request_context
from app.errs import Violation
from app.resilience import simulation
from app.rest import error_examples
from app.rest.collected_violations import failure
from app.rest.current import services
from app.rest.request import Request, application, current
from app.wire.simulation import FIELD, Simulation, read


def install(app: Flask) -> None:
    """Register the hook if the settings allow it."""
    if app.config["FAULTS_ON_DEMAND"]:
        app.before_request(simulate)


def simulate() -> None:
    """Raise the requested error, unless ``after`` lets this request pass.

    Raises:
        Error: the requested error, marked as simulated.
        ValidationFailed: the operation does not declare it, or the field is malformed.
        DeadlineExceeded: ``delay`` is longer than the budget; marked as simulated.
        ServiceUnavailable: the concurrency limit is reached, as for any slow request with ``delay``.
    """
    request = current()
    text = request.sent(FIELD)
    if text is None or not request.is_dispatched:
        return
    operation = request.operation
    wanted = read(text, operation.raises if operation else ())
    if isinstance(wanted, Violation):
        request.violations.append(wanted)
        raise failure(request)
    if operation is None or not _is_due(request, wanted, operation.name):
        return
    bulkhead = services().hashing if operation.hashes else services().bulkhead
    late = simulation.wait(wanted.delay, bulkhead) if wanted.delay else None
    request.is_simulated = True
    largest = application().config["MAX_BODY_BYTES"]
    raise errs.simulated(late or error_examples.occurrence(wanted.named, operation, largest=largest))


def _is_due(request: Request, wanted: Simulation, operation: str) -> bool:
    caller = request_context.bearer.get() or request.client_address
    return simulation.is_due(services().rate_limits, wanted.after, caller=caller, operation=operation)
