"""Work that is done beside other work of the same request, in a thread that knows whom it is done for."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

from app.context import carried
from app.errs.platform import ServiceUnavailable

T = TypeVar("T")


def run_in_background(work: Callable[[], T], *, name: str) -> "Future[T]":
    """Begin the work in a thread of this name, and return what is to come of it.

    The request's id, trace, caller, deadline and trail go along. How many threads there are is bounded by who may
    begin such work, which has a bound in time of its own; nobody waits for one when the process ends. If the process
    can't have another thread, the work ends with ``ServiceUnavailable``.
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
