"""Request context in background work: work in another thread keeps the request ID (C16)."""

import logging
import threading
from concurrent.futures import ThreadPoolExecutor

from app import request_context
from app.observability.logs import JsonFormatter

RECORD = logging.LogRecord("candor.test", logging.INFO, __file__, 0, "said", (), None)


def test_work_in_another_thread_keeps_the_id() -> None:
    token = request_context.request_id.set("the-request")
    work = request_context.carried(lambda: JsonFormatter().format(RECORD))
    request_context.request_id.reset(token)
    with ThreadPoolExecutor(1) as pool:
        assert '"request_id":"the-request"' in pool.submit(work).result()
        assert "request_id" not in pool.submit(JsonFormatter().format, RECORD).result()


def test_context_that_the_work_sets_stays_in_its_thread() -> None:
    def work() -> None:
        request_context.request_id.set("another")

    thread = threading.Thread(target=request_context.carried(work))
    thread.start()
    thread.join()
    assert request_context.request_id.get() is None
