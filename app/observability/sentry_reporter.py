"""Reports unforeseen exceptions to Sentry, or to a server with the same protocol.

Imported only if ``SENTRY_DSN`` is set, because it needs the package ``sentry-sdk``. The SDK only transports: it
instruments nothing, and does not replace a ``sentry_sdk.init`` of a fork. An event has the types and the redacted
texts of the exceptions, their stacks, and the fields below. It has no values of variables, and nothing of the request.
"""

import linecache
import threading
import time
import traceback
from collections.abc import Callable
from typing import Any, Final

import sentry_sdk

from app import errs, product
from app.config import ROOT, VERSION
from app.observability import redaction, unforeseen_exceptions
from app.observability.unforeseen_exceptions import UnforeseenException

PER_SECOND: Final = 10
"""Events per second; further exceptions are in the log only. A request therefore never pays for a storm of them."""
MAX_FRAMES: Final = 100
CONTEXT_LINES: Final = 3
PACKAGES: Final = "site-packages"
_LOG: Final = product.logger("sentry")


class SentryReporter:
    """Sends events from a thread of the SDK; its queue is bounded, and a full queue drops events.

    Args:
        dsn: the address of the project.
        environment: the name of the environment.
        monotonic: the clock, in seconds.
    """

    def __init__(self, dsn: str, *, environment: str, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._client = sentry_sdk.Client(
            dsn,
            environment=environment,
            release=f"{product.SLUG}@{VERSION}",
            default_integrations=False,
            auto_enabling_integrations=False,
            enable_backpressure_handling=False,
            enable_metrics=False,
            include_local_variables=False,
            max_request_body_size="never",
            send_client_reports=False,
            spotlight=False,
        )
        self._monotonic = monotonic
        self._second, self._count = 0.0, 0
        self._lock = threading.Lock()

    def start(self) -> None:
        """Report the exceptions of this process; call this in the serving process, after the fork."""
        unforeseen_exceptions.REPORTERS.append(self.report)

    def stop(self, seconds: float) -> None:
        """Send the remaining events within this number of seconds."""
        unforeseen_exceptions.REPORTERS.remove(self.report)
        last = threading.Thread(target=self._client.close, args=(seconds,), name="sentry", daemon=True)
        last.start()
        last.join(seconds)

    def report(self, unforeseen: UnforeseenException) -> None:
        """Queue an event. A failure of the SDK is logged, and never reaches the request."""
        if not self._may_send():
            return
        try:
            self._client.capture_event(event(unforeseen))
        except Exception:
            _LOG.exception("an exception could not be reported to Sentry")

    def _may_send(self) -> bool:
        with self._lock:
            second = self._monotonic() // 1
            if second != self._second:
                self._second, self._count = second, 0
            self._count += 1
            return self._count <= PER_SECOND


def event(unforeseen: UnforeseenException) -> dict[str, Any]:
    """Return the payload of an event (https://develop.sentry.dev/sdk/data-model/event-payloads/)."""
    tags = {
        "request_id": unforeseen.request_id,
        "trace_id": unforeseen.trace_id,
        "code": unforeseen.code,
        "operation": unforeseen.operation,
        "operation_path": " > ".join(errs.ops(unforeseen.exception)),
    }
    values = [_exception(each) for each in errs.causes(unforeseen.exception)]
    values[0]["mechanism"] = {"type": product.SLUG, "handled": False}
    return {
        "level": "error",
        "logger": product.logger("errors").name,
        "transaction": unforeseen.operation,
        "tags": {name: value for name, value in tags.items() if value},
        "exception": {"values": values[::-1]},  # the outermost is last
    }


def _exception(exc: BaseException) -> dict[str, Any]:
    return {
        "type": type(exc).__qualname__,
        "module": type(exc).__module__,
        "value": redaction.redact_exception(exc),
        "stacktrace": {"frames": [_frame(each) for each in _frames(exc)]},
    }


def _frames(exc: BaseException) -> list[traceback.FrameSummary]:
    found = [*traceback.walk_tb(exc.__traceback__)][-MAX_FRAMES:]
    return traceback.StackSummary.extract(iter(found), lookup_lines=False)


def _frame(frame: traceback.FrameSummary) -> dict[str, Any]:
    number = frame.lineno or 0
    lines = [line.rstrip("\n") for line in linecache.getlines(frame.filename)]
    own = frame.filename.startswith(f"{ROOT}/") and PACKAGES not in frame.filename
    return {
        "filename": frame.filename.removeprefix(f"{ROOT}/").rpartition(f"{PACKAGES}/")[2],
        "abs_path": frame.filename,
        "function": frame.name,
        "lineno": number,
        "in_app": own,
        "pre_context": lines[max(0, number - 1 - CONTEXT_LINES) : max(0, number - 1)],
        "context_line": lines[number - 1] if 0 < number <= len(lines) else "",
        "post_context": lines[number : number + CONTEXT_LINES],
    }
