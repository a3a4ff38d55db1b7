"""Bodies of JSON responses."""

from http import HTTPStatus
from typing import Any

import pytest
from werkzeug.test import create_environ

from app.rest.json_response import JsonResponse


@pytest.mark.parametrize(
    ("method", "status", "sent"),
    [
        ("GET", HTTPStatus.OK, b"{}"),
        ("HEAD", HTTPStatus.OK, b""),
        ("GET", HTTPStatus.NO_CONTENT, b""),
        ("GET", HTTPStatus.NOT_MODIFIED, b""),
    ],
)
def test_a_response_without_a_body_sends_none(method: str, status: HTTPStatus, sent: bytes) -> None:
    started: list[Any] = []
    body = JsonResponse(b"{}", status)(create_environ(method=method), lambda *given: started.extend(given) or str)  # type: ignore[func-returns-value]
    assert (b"".join(body), started[0][:3]) == (sent, str(status.value))
    assert started[1] == [("Content-Type", "application/json"), ("Content-Length", "2")]


def test_close_callbacks_are_called_at_the_end() -> None:
    called: list[bool] = []
    response = JsonResponse(b"{}", HTTPStatus.OK)
    response.call_on_close(lambda: called.append(True))
    sent = response.get_app_iter(create_environ())
    assert (b"".join(sent), called) == (b"{}", [])
    sent.close()  # type: ignore[attr-defined]  # servers close the iterable
    assert called == [True]


def test_fields_are_checked_copied_and_changed_like_others() -> None:
    with pytest.raises(ValueError, match="newline"):
        JsonResponse(b"{}", 200, {"ETag": "a\r\nb"})
    response = JsonResponse(b"{}", 200, {"ETag": "a"})
    copied = response.headers.copy()
    response.headers["ETag"] = "b"
    assert (copied["etag"], response.headers["etag"]) == ("a", "b")
