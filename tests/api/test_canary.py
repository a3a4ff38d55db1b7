"""C3: secrets planted in every possible source are in no log entry; internal values are in no response."""

import logging
from collections.abc import Callable, Iterator
from typing import Any, Final

import psycopg
import pytest
from flask import Flask
from sqlalchemy import make_url, text
from werkzeug.test import TestResponse

from app import errs
from app.config import Settings
from app.extensions import db
from app.observability import active_requests
from app.observability.debug import profile, stacks
from app.observability.logs import JsonFormatter
from app.resilience import deadline
from tests.api.caller import ABSENT, BATCH, TASKS, Caller
from tests.api.conftest import Bearer
from tests.api.forge import Forge
from tests.response_checks import CheckedClient

PLANT: Final = "c4n4ry"
"""The prefix of every secret; no text of the service contains it."""
LOGGER: Final = "/v1/logger"


def secret(place: str) -> str:
    """Return the secret of a source; a match identifies the source."""
    return f"{PLANT}-{place}-7c1f9e"


class Wire:
    """All output of the service: entries of every logger at every level, and responses."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.answers: list[str] = []

    def keep(self, response: TestResponse) -> TestResponse:
        """Keep a response."""
        self.answers.append(f"{response.status}\n{response.headers}\n{response.get_data(as_text=True)}")
        return response


@pytest.fixture
def wire() -> Iterator[Wire]:
    """Return the output of the service during the block."""
    wire, root, log_folder = Wire(), logging.getLogger(), logging.getLogger("candor")

    class Keeping(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            wire.lines.append(JsonFormatter().format(record))

    handler, levels = Keeping(), (root.level, log_folder.level)
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    log_folder.setLevel(logging.DEBUG)
    yield wire
    root.removeHandler(handler)
    root.setLevel(levels[0])
    log_folder.setLevel(levels[1])


@pytest.fixture
def found(wire: Wire) -> Iterator[Callable[[], list[str]]]:
    """Return a search of all output. The search fails if there was nothing to search."""
    yield lambda: [line for line in wire.lines if PLANT in line]
    assert wire.lines


def headers(**more: str) -> dict[str, str]:
    """Return header fields with secrets in them."""
    return {"Cookie": f"session={secret('cookie')}", "Referer": f"https://x.test/?{secret('referer')}", **more}


class TestRequests:
    """Data from callers: bodies, queries, header fields."""

    @pytest.mark.parametrize(
        "authorization",
        [
            f"Bearer {secret('token')}",
            f"Bearer {secret('header')}.{secret('claims')}.{secret('signature')}",
            f"Basic {secret('password')}",
            f"Bearer {secret('one')}, Bearer {secret('two')}",
            secret("scheme"),
        ],
    )
    def test_401(self, unauthenticated: Caller, wire: Wire, found: Any, authorization: str) -> None:
        for method, path in (("GET", TASKS), ("POST", TASKS), ("PUT", LOGGER)):
            wire.keep(unauthenticated.send(method, path, headers=headers(Authorization=authorization)))
        assert found() == []
        assert [answer for answer in wire.answers if PLANT in answer] == []

    def test_a_signed_but_invalid_token(self, unauthenticated: Caller, forge: Forge, wire: Wire, found: Any) -> None:
        for claims in ({"exp": secret("exp")}, {"sub": 7, "name": secret("name")}, {"nbf": secret("nbf")}):
            token = forge.token(**claims)
            wire.keep(unauthenticated.get(TASKS, headers={"Authorization": f"Bearer {token}"}))
            assert not [line for line in wire.lines if token in line]
        assert found() == []
        assert [answer for answer in wire.answers if PLANT in answer] == []

    @pytest.mark.parametrize(
        ("method", "path"), [("POST", TASKS), ("POST", BATCH), ("PATCH", ABSENT), ("PUT", LOGGER)], ids=str
    )
    @pytest.mark.parametrize(
        "body",
        [
            f'{{"task": "{secret("cut")}',
            f'"{secret("string")}"',
            f'["{secret("array")}"]',
            f'{{"{secret("member")}": 1}}',
            f'{{"task": {{"{secret("inner")}": 1, "title": "{secret("title")}", "tags": ["{secret("TAG")}"]}}}}',
            f'{{"task": {{"title": ["{secret("type")}"], "due_date": "{secret("date")}"}}}}',
            f'{{"requests": [{{"task": {{"{secret("item")}": "{secret("value")}"}}}}]}}',
            f'{{"status": "{secret("status")}", "title": "\\u0000{secret("nul")}"}}',
            f'{{"level": "{secret("level")}", "log_error_stack": "{secret("stack")}"}}',
            f'{{"a": "{secret("twice")}", "a": "{secret("twice")}"}}',
            secret("long") * 100_000,
        ],
        ids=lambda body: body[:30],
    )
    def test_400_and_413(self, admin: Caller, found: Any, method: str, path: str, body: str) -> None:
        response = admin.send(method, path, data=body.encode(), content_type="application/json", headers=headers())
        assert response.status_code in {400, 404, 413}
        assert found() == []

    @pytest.mark.parametrize(
        "query",
        [
            {"filter": f'title = "{secret("value")}'},
            {"filter": f"{secret('member')} = 1"},
            {"filter": f'status = "{secret("status")}"'},
            {"filter": f'title = "{secret("fine")}"'},
            {"order_by": secret("order")},
            {"page_token": secret("page")},
            {"page_size": secret("size")},
            {"fields": secret("fields")},
            {secret("parameter"): "1", "access_token": secret("access")},
        ],
        ids=str,
    )
    def test_queries(self, alice: Caller, found: Any, query: dict[str, str]) -> None:
        assert alice.list_tasks(**query).status_code in {200, 400}
        assert found() == []

    @pytest.mark.parametrize(
        "fields",
        [
            {"Idempotency-Key": secret("key")},
            {"Idempotency-Key": f"{secret('key')},"},
            {"If-Match": secret("tag")},
            {"If-None-Match": f'"{secret("tag")}"'},
            {"Request-Timeout": secret("timeout")},
            {"Accept": f"text/{secret('accept')}"},
            {"Content-Type": f"text/{secret('type')}"},
            {"Content-Encoding": secret("encoding")},
            {"Origin": f"https://{secret('origin')}.test"},
            {"X-Request-Id": f"{secret('id')} {{"},
            {"Traceparent": secret("trace")},
            {"X-Forwarded-For": secret("forwarded")},
        ],
        ids=str,
    )
    def test_header_fields(self, alice: Caller, found: Any, fields: dict[str, str]) -> None:
        for method, path in (("POST", TASKS), ("GET", TASKS), ("PATCH", ABSENT)):
            alice.send(method, path, json={"task": {"title": "x"}}, headers=headers(**fields))
        assert found() == []

    def test_conflicts_and_keys(self, alice: Caller, found: Any) -> None:
        """409, 422, and replays."""
        key = {"Idempotency-Key": secret("key")}
        title = {"task": {"title": secret("title"), "description": secret("description")}}
        statuses = [alice.post(json=title, headers=key).status_code for _ in range(2)]
        statuses += [
            alice.post(json=title).status_code,
            alice.post(json={"task": {"title": "y"}}, headers=key).status_code,
        ]
        assert statuses == [201, 201, 409, 422]
        assert found() == []


def _bug(*_: object, **__: object) -> None:
    held = secret("exception")
    try:
        {}[held]  # type: ignore[index]  # an intended bug
    except KeyError as exc:
        raise RuntimeError(f"the password is {held}\nand {held}") from exc


def _wrapped(*_: object, **__: object) -> None:
    try:
        int(secret("number"))
    except ValueError as exc:
        raise errs.E("tasks.page", user="alice") from exc


def _driver(*_: object, **__: object) -> None:
    raise psycopg.errors.DataException(f'no "{secret("driver")}"\nDETAIL: Key (title)=({secret("detail")})')


def _parameter(*_: object, **__: object) -> None:
    with db.engine.connect() as connection:
        connection.execute(text("SELECT CAST(:value AS regclass)"), {"value": secret("parameter")})


def _statement(*_: object, **__: object) -> None:
    with db.engine.connect() as connection:
        connection.exec_driver_sql(f"SELECT '{secret('sql')}' FROM \"{secret('table')}\"")


class TestFaults:
    """Internal failures: exceptions, SQL, connections."""

    @pytest.mark.parametrize(
        "fault", [_bug, _wrapped, _driver, _parameter, _statement], ids=lambda fault: fault.__name__
    )
    def test_500(
        self, alice: Caller, app: Flask, wire: Wire, found: Any, fault: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(app.view_functions, "tasks.list_tasks", fault)
        assert isinstance(alice.client, CheckedClient)
        alice.client.allows_500 = True
        response = wire.keep(alice.list_tasks())
        assert response.status_code == 500
        assert found() == []
        assert [answer for answer in wire.answers if PLANT in answer] == []

    @pytest.mark.parametrize(
        "where",
        [{"host": "127.0.0.1", "port": 1}, {"host": f"{PLANT}.invalid"}, {"password": secret("wrong")}],
        ids=str,
    )
    def test_a_connection_string(
        self,
        make_application: Callable[..., Flask],
        settings: Settings,
        bearer: Bearer,
        wire: Wire,
        found: Any,
        where: Any,
    ) -> None:
        """Unreachable, unknown, and rejected; often enough to open the breaker."""
        url = make_url(settings.database_url).set(**{"username": secret("user"), "password": secret("db"), **where})
        away = make_application(database_url=url.render_as_string(hide_password=False))
        caller = Caller(away.test_client(), bearer())
        for _ in range(8):
            wire.keep(caller.list_tasks())
            wire.keep(caller.create("x"))
        wire.keep(caller.get("/readyz"))
        assert any("503" in answer for answer in wire.answers)
        leaked = [line for line in found() if "host" not in where or '"logger":"candor.start"' not in line]
        assert leaked == [], "the entry at start alone names the host of the database"
        assert [answer for answer in wire.answers if PLANT in answer] == []

    def test_the_deadline(self, alice: Caller, app: Flask, found: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        def slow(*_: object, **__: object) -> None:
            limit = deadline.current.get()
            assert limit is not None
            raise limit.exceeded("database") from RuntimeError(secret("slow"))

        monkeypatch.setitem(app.view_functions, "tasks.list_tasks", slow)
        assert alice.list_tasks().status_code == 504
        assert found() == []


def test_stacks_and_profiles_contain_no_data() -> None:
    """Output of the debug listener about the active request, with a secret in its local variables."""
    held = secret("local")
    active_requests.begin("a-request", "GET", "/v1/tasks")
    output = stacks.report() + profile.taken(0.05).collapsed()
    active_requests.end()
    assert held not in output
