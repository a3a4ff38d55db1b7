"""Limits on the size of a body, and the cost of reading one."""

import io
import threading
from typing import Any

import pytest

from app.extensions import db
from app.rest import body
from tests.api.caller import ABSENT, BATCH, JSON, TASKS, WRITES, Caller, answered, rejected
from tests.sent_statements import sent_by

every_write = pytest.mark.parametrize(("method", "path"), WRITES)
LIMIT = 16384
LIMITS = {TASKS: LIMIT, ABSENT: LIMIT, BATCH: 1048576}
LARGE = b'{"requests":[{"task":{"title":"%b"}}]}'
TITLED = b'{"task":{"title":"%b"}}'


class TestSize:
    """413 for bodies over the limit of the operation, by declared length or chunked."""

    @every_write
    def test_a_declared_oversize_is_rejected_unread(self, alice: Caller, method: str, path: str) -> None:
        """With the limit."""
        response = alice.send(
            method, path, data=b"{}", content_type=JSON, environ_overrides={"CONTENT_LENGTH": str(10**12)}
        )
        assert rejected(response, 413, "BODY_TOO_LARGE")["limit"] == LIMITS[path]

    @staticmethod
    def chunked(body: bytes) -> dict[str, Any]:
        """Return a request as a server passes a chunked one."""
        return {
            "content_type": JSON,
            "headers": {"Transfer-Encoding": "chunked"},
            "environ_overrides": {
                "wsgi.input": io.BytesIO(body),
                "wsgi.input_terminated": True,
                "CONTENT_LENGTH": "",
            },
        }

    def test_a_chunked_oversize_is_rejected_and_nothing_is_written(self, alice: Caller) -> None:
        fits_before_the_cut = TITLED % b"cut" + b" " * LIMIT
        document = rejected(alice.post(**self.chunked(fits_before_the_cut)), 413, "BODY_TOO_LARGE")
        assert document["limit"] == LIMIT
        assert alice.titles() == []

    def test_a_chunked_body_of_exactly_the_limit_is_read(self, alice: Caller) -> None:
        """413 is for bodies over the limit."""
        body = TITLED % b"whole"
        answered(alice.post(**self.chunked(body + b" " * (LIMIT - len(body)))), 201)
        assert alice.titles() == ["whole"]

    def test_a_declared_body_of_exactly_the_limit_is_read(self, alice: Caller) -> None:
        body = TITLED % b"whole"
        answered(alice.post(data=body + b" " * (LIMIT - len(body)), content_type=JSON), 201)
        rejected(alice.post(data=body + b" " * (LIMIT + 1 - len(body)), content_type=JSON), 413, "BODY_TOO_LARGE")

    def test_large_bodies_are_decoded_one_at_a_time_and_small_ones_meanwhile(
        self, alice: Caller, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A decoded body takes many times its size. A request waits for others within its own deadline."""
        at_it = threading.Lock()
        monkeypatch.setattr(body, "_AT_LARGE_ONES", at_it)
        large: dict[str, Any] = {"path": BATCH, "data": LARGE % b"large" + b" " * body.LARGE, "content_type": JSON}
        with at_it:
            late = alice.post(**large, headers={"Request-Timeout": "0.2"})
            assert rejected(late, 504, "DEADLINE_EXCEEDED")["spent_in"] == "request_body"
            answered(alice.create("small"), 201)
        answered(alice.post(**large), 200)
        assert not at_it.locked()

    def test_an_empty_chunked_body_is_empty(self, alice: Caller) -> None:
        rejected(alice.post(**self.chunked(b"")), 400, "EMPTY_BODY")

    @pytest.mark.parametrize("declared", ["99", "5"])
    def test_a_truncated_body_is_malformed(self, alice: Caller, declared: str) -> None:
        """Malformed HTTP; a prefix that is valid JSON does not count as the body."""

        class Breaking(io.BytesIO):
            def read(self, size: int | None = -1) -> bytes:
                if declared == "5":
                    raise OSError("Invalid chunk size: '/srv/x.py'")
                return super().read(size)

        response = alice.post(
            content_type=JSON,
            environ_overrides={"wsgi.input": Breaking(TITLED % b"x"), "CONTENT_LENGTH": declared},
        )
        assert "x.py" not in rejected(response, 400, "MALFORMED_REQUEST")["detail"]
        assert alice.titles() == []


class TestCost:
    """Rejected bodies cost almost nothing."""

    def test_a_form_of_100_000_parts_is_rejected_unread(self, alice: Caller) -> None:
        """By its media type alone."""

        class Unreadable(io.RawIOBase):
            def readinto(self, _buffer: object) -> int:
                raise AssertionError("the body was read")

        response = alice.post(
            content_type="multipart/form-data; boundary=x",
            environ_overrides={"wsgi.input": Unreadable(), "CONTENT_LENGTH": "1000000"},
        )
        rejected(response, 415, "UNSUPPORTED_MEDIA_TYPE")

    def test_no_invalid_body_reaches_the_database(self, alice: Caller) -> None:
        """C9a."""
        with alice.client.application.app_context():
            engine = db.engine
        with sent_by(engine) as statements:
            for request in (
                {"data": b"{", "content_type": JSON},
                {"data": b"{}", "content_type": "text/plain"},
                {"json": {"task": {"title": ""}}},
                {"json": {"task": {"title": "x", "tags": ["a"] * 3000}}},
            ):
                assert alice.post(**request).status_code in {400, 415}
            rejected(alice.batch(*[{"title": "x"}] * 20_000), 400, "VALIDATION_FAILED")
        assert statements == []
