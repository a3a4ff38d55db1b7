"""No log entry contains personal data: members that a model marks with ``info=PERSONAL``.

The code gives no such member to a logger, and requests with known values of them leave none in the log.
"""

import ast
import re
from collections.abc import Callable, Iterator
from typing import Any, Final

import psycopg
from flask import Flask

from app.config import ROOT
from app.extensions import db
from app.models import Base
from tests.api.accounts import PASSWORD, activate, logged_in, mails, register
from tests.api.caller import Caller
from tests.api.conftest import Log, log
from tests.response_checks import CheckedClient
from tests.samples import BODIES, path_of, prepared
from tests.sent_statements import seen

__all__ = ["log"]
Bearer = Callable[..., dict[str, str]]
LOGGER: Final = re.compile(r"log(s|ger)?(\(.*\))?$", re.IGNORECASE)
LEVELS: Final = frozenset({"debug", "info", "warning", "error", "exception", "critical", "log"})
INSTEAD: Final = 'write the ID, such as extra={"fields": {"user": user.id}}: an operator finds the row by it'
WORD: Final = "Quetzalcoatlus"
ADDRESS: Final = f"{WORD.lower()}@example.com"


def personal() -> set[str]:
    """Return the names of the marked members."""
    return {
        column.key for table in Base.metadata.sorted_tables for column in table.columns if column.info.get("personal")
    }


def test_accounts_are_marked() -> None:
    assert personal() >= {"email", "name"}


def logged(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield each attribute of an object that is an argument of a logger, with its line."""
    for call in ast.walk(tree):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr in LEVELS:
            if not LOGGER.search(ast.unparse(call.func.value)):
                continue
            for part in (*call.args, *(each.value for each in call.keywords)):
                yield from ((each.lineno, each.attr) for each in ast.walk(part) if isinstance(each, ast.Attribute))


def test_no_logger_gets_a_personal_member() -> None:
    faults = [
        f"{path.relative_to(ROOT)}:{line}: the log entry contains .{name}, which is personal data: {INSTEAD}"
        for path in sorted((ROOT / "app").rglob("*.py"))
        for line, name in logged(ast.parse(path.read_text()))
        if name in personal()
    ]
    assert not faults, "\n".join(faults)


def test_every_form_of_logging_is_found() -> None:
    for source in (
        "log.info(user.email)",
        "product.logger('x').info(user.email)",
        "_LOG.error('%s', user.email)",
        "x.logger.log(1, '', extra={'a': u.email})",
    ):
        assert [name for _, name in logged(ast.parse(source))] == ["email"], source
    assert not [*logged(ast.parse("math.log(user.email)\nlog.info(user)"))][1:]


def marked(body: Any) -> Any:
    """Return a body with a known text in each personal member."""
    if isinstance(body, list):
        return [*map(marked, body)]
    if not isinstance(body, dict):
        return body
    known = {name: ADDRESS if name == "email" else WORD for name in personal()}
    return {name: known.get(name, marked(value)) for name, value in body.items()}


def assert_absent(log: Log, what: str) -> None:
    """Assert that no entry has a known text."""
    assert log.lines
    entry = next((line for line in log.lines if WORD.lower() in line.lower()), None)
    assert entry is None, f"{what}: the log entry contains personal data: {INSTEAD}. The entry is {entry}"
    log.lines.clear()


def test_no_request_leaves_personal_data_in_the_log(
    app: Flask, client: CheckedClient, bearer: Bearer, log: Log
) -> None:
    """Valid requests, rejected ones, and those that the database fails."""
    admin, sent = Caller(client, bearer("root", "admin")), 0
    for name, body in BODIES.items():
        if (known := marked(body)) == body:
            continue
        sent += 1
        known |= prepared(app, name)
        for changed in (known, {**known, WORD: WORD}):
            admin.send(name.partition(" ")[0], path_of(name), json=changed)
        assert_absent(log, name)

        def fail(_statement: str, parameters: object) -> None:
            raise psycopg.errors.DiskFull(f"could not extend file: {parameters}")

        with app.app_context(), seen(db.engine, fail):
            admin.send(name.partition(" ")[0], path_of(name), json=known)
        assert_absent(log, name)
    assert sent


def test_an_account_leaves_no_personal_data_in_the_log(app: Flask, client: CheckedClient, log: Log) -> None:
    unauthenticated = Caller(client, {})
    register(unauthenticated, ADDRESS, name=WORD)
    activate(unauthenticated, mails(app, ADDRESS)[-1]["token"])
    user, _ = logged_in(unauthenticated, ADDRESS)
    user.patch("/v1/users/me", json={"name": WORD * 2})
    user.get("/v1/users/me")
    unauthenticated.post("/v1/users:requestPasswordReset", json={"email": ADDRESS})
    user.delete("/v1/users/me", json={"current_password": PASSWORD})
    assert_absent(log, "an account")
