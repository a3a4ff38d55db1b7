"""Early rejections that no real request causes."""

import pytest

from app.errs import platform, requests
from app.rest import early_errors

CONFIG = {"PUBLIC_URL": "http://candor.test", "CORS_ORIGINS": ("https://app.example",), "TRUSTED_PROXIES": ()}


class TestReject:
    """``reject``."""

    def test_the_cause_of_an_internal_error_is_only_logged(self, caplog: pytest.LogCaptureFixture) -> None:
        """C3, C5: with the stack, at ERROR."""
        seen = early_errors.RawRequest(method="GET", path="/x", fields={"X-REQUEST-ID": "kept-1234"})
        with caplog.at_level("INFO"):
            answer = early_errors.reject(platform.InternalError(), RuntimeError("hunter2"), seen, CONFIG)
        assert answer.startswith(b"HTTP/1.1 500 Internal Server Error\r\n")
        assert b"\r\nX-Request-Id: kept-1234\r\n" in answer
        assert b"hunter2" not in answer
        error, access = caplog.records
        assert (error.levelname, access.levelname) == ("ERROR", "INFO")
        assert "RuntimeError" in str(error.__dict__["fields"]["causes"])
        assert "stack" in error.__dict__["fields"]

    def test_unreadable_request_data_is_left_out(self, caplog: pytest.LogCaptureFixture) -> None:
        """C1, C16: an invalid request ID is replaced, and an unknown origin gets no CORS header."""
        seen = early_errors.RawRequest(
            fields={"X-REQUEST-ID": "short", "ORIGIN": "https://evil.example"}, peer="192.0.2.1"
        )
        with caplog.at_level("INFO"):
            answer = early_errors.reject(requests.MalformedRequest(), ValueError("x"), seen, CONFIG)
        assert b"X-Request-Id: short" not in answer
        assert b"Access-Control" not in answer
        assert caplog.messages[1] == "- - 400"
