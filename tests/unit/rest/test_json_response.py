"""Bodies of JSON responses."""

from http import HTTPStatus

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
    response = JsonResponse(b"{}", status)
    assert b"".join(response.get_app_iter(create_environ(method=method))) == sent


def test_close_callbacks_are_called_at_the_end() -> None:
    called: list[bool] = []
    response = JsonResponse(b"{}", HTTPStatus.OK)
    response.call_on_close(lambda: called.append(True))
    sent = response.get_app_iter(create_environ())
    assert (b"".join(sent), called) == (b"{}", [])
    sent.close()  # type: ignore[attr-defined]  # servers close the iterable
    assert called == [True]
