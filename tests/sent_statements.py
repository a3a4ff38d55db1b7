"""The statements that an engine sends, recorded before the driver executes them."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any
from unittest.mock import patch

from psycopg.pq import TransactionStatus
from sqlalchemy import Engine

See = Callable[[str, Any], str | None]


@contextmanager
def seen(engine: Engine, see: See) -> Iterator[None]:
    """Call a function with every statement and its parameters before it is sent. A result replaces the statement."""
    with ExitStack() as stack:
        for name in ("do_execute", "do_executemany"):
            send = partial(_send, getattr(engine.dialect, name), see)
            stack.enter_context(patch.object(engine.dialect, name, send))
        plain = partial(_send_plain, engine.dialect.do_execute_no_params, see)
        stack.enter_context(patch.object(engine.dialect, "do_execute_no_params", plain))
        yield


def _send(
    send: Callable[..., None], see: See, cursor: object, statement: str, parameters: object, *context: object
) -> None:
    send(cursor, see(statement, parameters) or statement, parameters, *context)


def _send_plain(send: Callable[..., None], see: See, cursor: object, statement: str, *context: object) -> None:
    send(cursor, see(statement, None) or statement, *context)


@contextmanager
def sent_by(engine: Engine) -> Iterator[list[str]]:
    """Return every statement that is sent during the block, commits and rollbacks of transactions too."""
    sent: list[str] = []

    def end(word: str, ended: Callable[[Any], None], connection: Any) -> None:
        if connection.pgconn.transaction_status != TransactionStatus.IDLE:
            sent.append(word)
        ended(connection)

    with seen(engine, lambda statement, _parameters: sent.append(statement)), ExitStack() as stack:
        for name, word in (("do_commit", "COMMIT"), ("do_rollback", "ROLLBACK")):
            ended = partial(end, word, getattr(engine.dialect, name))
            stack.enter_context(patch.object(engine.dialect, name, ended))
        yield sent
