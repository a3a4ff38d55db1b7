"""The time of a request, by stage."""

import contextvars

from app.observability import request_timing


class TestTrail:
    def test_times_are_added_by_stage_and_retries_by_name(self) -> None:
        mine = contextvars.copy_context().run(self.tread)
        assert {hop: round(seconds, 3) for hop, seconds in mine.spent.items()} == {"database": 0.75, "work_slot": 0.25}
        assert mine.fields() == {
            "spent_ms": {"database": 750.0, "work_slot": 250.0},
            "retries": {"transaction": 2},
        }

    @staticmethod
    def tread() -> request_timing.RequestTimings:
        mine = request_timing.begin()
        request_timing.record_stage("database", 0.5)
        request_timing.record_stage("work_slot", 0.25)
        request_timing.record_stage("database", 0.25)
        request_timing.record_retry("transaction")
        request_timing.record_retry("transaction")
        return mine

    def test_a_stage_that_raises_is_timed(self) -> None:
        def fail() -> None:
            raise ValueError

        def tread() -> request_timing.RequestTimings:
            mine = request_timing.begin()
            try:
                request_timing.timed("database", fail)()
            except ValueError:
                return mine
            raise AssertionError

        assert list(contextvars.copy_context().run(tread).spent) == ["database"]

    def test_an_empty_timing_has_no_stages_and_work_without_a_request_is_not_timed(self) -> None:
        assert request_timing.RequestTimings().fields() == {"spent_ms": None, "retries": None}

        def tread() -> None:
            request_timing.current.set(None)
            request_timing.record_stage("database", 1.0)
            request_timing.record_retry("read")

        contextvars.copy_context().run(tread)
