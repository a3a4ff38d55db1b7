"""The threads that handle calls.

An executor of ``concurrent.futures`` wakes the event loop for each result too, but then passes it through three
futures, each with a lock or a step of the loop.
"""

import asyncio
from collections.abc import Callable
from contextvars import Context, copy_context
from queue import SimpleQueue
from threading import Thread

Work = Callable[[], bytes]


class HandlerThreads:
    """A fixed number of threads with a queue. Use it in one event loop."""

    def __init__(self, size: int) -> None:
        self.size, self.in_flight = size, 0
        self._queue: SimpleQueue[tuple[Work, Context, asyncio.Future[bytes]] | None] = SimpleQueue()
        self._threads = [Thread(target=self._run, name=f"rpc_{number}", daemon=True) for number in range(size)]
        for thread in self._threads:
            thread.start()

    def submit(self, work: Work) -> "asyncio.Future[bytes]":
        """Return the future of a response. Cancelling it does not stop the thread."""
        future: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self.in_flight += 1
        self._queue.put((work, copy_context(), future))
        return future

    def close(self) -> None:
        """Wait until all submitted calls are handled, and end the threads."""
        for _ in self._threads:
            self._queue.put(None)
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        while (submitted := self._queue.get()) is not None:
            work, context, future = submitted
            answer: bytes | BaseException
            try:
                answer = context.run(work)
            except BaseException as error:
                answer = error
            if not future.get_loop().is_closed():
                future.get_loop().call_soon_threadsafe(self._end, future, answer)
            del submitted, work, context, future, answer  # otherwise an idle thread keeps them

    def _end(self, future: "asyncio.Future[bytes]", answer: bytes | BaseException) -> None:
        self.in_flight -= 1
        if future.done():  # the client has cancelled
            return
        if isinstance(answer, bytes):
            future.set_result(answer)
        else:
            future.set_exception(answer)
