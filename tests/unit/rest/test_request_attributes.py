"""The service's request has the attributes that Werkzeug's constructor sets."""

from typing import Any

import flask
import pytest
from werkzeug.test import create_environ

from app.rest.request import Request

NAMES = ("method", "scheme", "server", "root_path", "path", "query_string", "remote_addr", "shallow")


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"REQUEST_METHOD": "patch", "wsgi.url_scheme": "https", "REMOTE_ADDR": "192.0.2.7"},
        {"PATH_INFO": "/caf\xc3\xa9//x", "SCRIPT_NAME": "/pr\xc3\xa4fix/", "QUERY_STRING": "a=\xe9"},
        {"PATH_INFO": "//x", "SERVER_PORT": "8443"},
        {"PATH_INFO": "\xff", "SERVER_NAME": "unix:/run/x"},
        {"PATH_INFO": None, "SCRIPT_NAME": None, "QUERY_STRING": None, "SERVER_NAME": None, "SERVER_PORT": None},
    ],
)
def test_attributes_are_those_of_werkzeug(changes: dict[str, Any]) -> None:
    given = {**create_environ("/x", headers={"X-A": "1"}), **changes}
    environ = {name: value for name, value in given.items() if value is not None}
    own, theirs = Request({**environ}), flask.Request({**environ})
    assert [getattr(own, name) for name in NAMES] == [getattr(theirs, name) for name in NAMES]
    assert [*own.headers] == [*theirs.headers]
    assert own.environ["werkzeug.request"] is own
    assert own.url_root == theirs.url_root


def test_a_shallow_request_is_not_in_the_environment() -> None:
    for options in ({"shallow": True}, {"populate_request": False}):
        assert "werkzeug.request" not in Request(create_environ(), **options).environ
