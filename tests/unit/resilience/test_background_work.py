"""Work in a background thread keeps its request context and reports its outcome to the thread that waits."""

import threading
from datetime import timedelta

import pytest

from app import request_context
from app.errs.platform import ServiceUnavailable
from app.observability import request_timing
from app.resilience import deadline
from app.resilience.background_work import run_in_background


class TestRunInBackground:
    def test_it_has_the_request_context(self) -> None:
        """C16, 3.5."""
        tokens = request_context.request_id.set("request-1234"), request_context.bearer.set("token")
        began = request_timing.begin()
        with deadline.within(timedelta(seconds=5)):
            limit = deadline.current.get()
            seen = run_in_background(
                lambda: (
                    threading.current_thread().name,
                    request_context.request_id.get(),
                    request_context.bearer.get(),
                    deadline.current.get(),
                    request_timing.current.get(),
                ),
                name="users",
            ).result()
        request_context.request_id.reset(tokens[0])
        request_context.bearer.reset(tokens[1])
        request_timing.current.set(None)
        assert seen == ("users", "request-1234", "token", limit, began)

    def test_it_does_not_change_the_context_of_its_starter(self) -> None:
        run_in_background(lambda: request_context.request_id.set("other"), name="x").result()
        assert request_context.request_id.get() is None

    def test_an_exception_is_raised_where_the_result_is_awaited(self) -> None:
        def work() -> None:
            raise ServiceUnavailable(retry_after=7)

        with pytest.raises(ServiceUnavailable) as caught:
            run_in_background(work, name="x").result()
        assert caught.value.retry_after == 7

    def test_without_a_thread_it_fails_as_unavailable(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail_to_start(_thread: threading.Thread) -> None:
            raise RuntimeError("can't start new thread")

        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "start", fail_to_start)
            coming = run_in_background(lambda: 1, name="dial")
        with pytest.raises(ServiceUnavailable) as caught:
            coming.result()
        assert caught.value.detail == "no thread for dial: can't start new thread"
