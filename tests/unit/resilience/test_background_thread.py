"""Work beside other work knows whom it is done for, and ends as it would have in the same thread."""

import threading
from datetime import timedelta

import pytest

from app import context
from app.errs.platform import ServiceUnavailable
from app.observability import request_timing
from app.resilience import deadline
from app.resilience.background_thread import run_in_background


class TestAside:
    def test_it_knows_the_request(self) -> None:
        """C16, 3.5."""
        tokens = context.request_id.set("request-1234"), context.bearer.set("token")
        began = request_timing.begin()
        with deadline.within(timedelta(seconds=5)):
            limit = deadline.current.get()
            seen = run_in_background(
                lambda: (
                    threading.current_thread().name,
                    context.request_id.get(),
                    context.bearer.get(),
                    deadline.current.get(),
                    request_timing.current.get(),
                ),
                name="users",
            ).result()
        context.request_id.reset(tokens[0])
        context.bearer.reset(tokens[1])
        request_timing.current.set(None)
        assert seen == ("users", "request-1234", "token", limit, began)

    def test_it_changes_nothing_for_who_began_it(self) -> None:
        run_in_background(lambda: context.request_id.set("other"), name="x").result()
        assert context.request_id.get() is None

    def test_what_it_raises_is_raised_where_it_is_waited_for(self) -> None:
        def work() -> None:
            raise ServiceUnavailable(retry_after=7)

        with pytest.raises(ServiceUnavailable) as caught:
            run_in_background(work, name="x").result()
        assert caught.value.retry_after == 7

    def test_without_a_thread_it_ends_as_what_is_out_of_reach(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(_thread: threading.Thread) -> None:
            raise RuntimeError("can't start new thread")

        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "start", refuse)
            coming = run_in_background(lambda: 1, name="dial")
        with pytest.raises(ServiceUnavailable) as caught:
            coming.result()
        assert caught.value.detail == "no thread for dial: can't start new thread"
