"""Work in a background thread that keeps the context of its request."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

from app.errs.platform import ServiceUnavailable
from app.request_context import carried

T = TypeVar("T")


def run_in_background(work: Callable[[], T], *, name: str) -> "Future[T]":
    """Start the work in a thread with this name, and return its future.

    The thread has the request's ID, trace, caller, deadline and timings. The number of threads is bounded by the
    callers, which have their own time limit. The process does not wait for these threads when it ends. If the process
    can't start another thread, the future fails with ``ServiceUnavailable``.
    """
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:
            future.set_exception(error)

    try:
        threading.Thread(target=carried(run), name=name, daemon=True).start()
    except RuntimeError as fault:
        future.set_exception(ServiceUnavailable(detail=f"no thread for {name}: {fault}", retry_after=1))
    return future
