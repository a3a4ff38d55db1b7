"""Answers with the error that the caller chooses by ``Simulate-Error``, and does nothing else (C25b).

After authentication: a caller without the right to call an operation cannot make it fail. Before the handler: no body
is read, no query is sent, no Idempotency-Key is stored. The hook is there only where FAULTS_ON_DEMAND allows it.
"""

from flask import Flask

from app import context, errs
from app.errs import Violation
from app.resilience import simulation
from app.rest import examples
from app.rest.current import services
from app.rest.request import Request, application, current
from app.rest.violations import failure
from app.wire.simulation import FIELD, Simulation, read


def install(app: Flask) -> None:
    """Register the hook, where it is allowed."""
    if app.config["FAULTS_ON_DEMAND"]:
        app.before_request(simulate)


def simulate() -> None:
    """Go on unless the request asks for an error, and is not one of the first that ``after`` lets pass.

    Raises:
        Error: the one that it asks for, marked as simulated.
        ValidationFailed: the operation does not declare it, or the field is malformed.
        DeadlineExceeded: ``delay`` is longer than the budget; marked as simulated.
        ServiceUnavailable: ``delay`` finds no work slot, as any slow request.
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
    raise errs.simulated(late or examples.occurrence(wanted.named, operation, largest=largest))


def _is_due(request: Request, wanted: Simulation, operation: str) -> bool:
    caller = context.bearer.get() or request.client_address
    return simulation.is_due(services().rate_limits, wanted.after, caller=caller, operation=operation)
