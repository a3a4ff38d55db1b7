"""The names of psycopg that its documentation does not describe. ``test_psycopg_internals`` fails if they change.

``CompiledCursor`` shares psycopg's record of the prepared statements of a connection. psycopg drops all of them after
some commands, and a statement that is missing from the record would then be lost.
"""

import secrets
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from psycopg import Connection, abc, errors
from psycopg._preparing import Prepare, PrepareManager
from psycopg._queries import _query2pg_nocache
from psycopg.adapt import PyFormat, Transformer
from psycopg.pq import TransactionStatus

Record = PrepareManager
"""The record of the prepared statements of a connection."""
State = Prepare
"""The state of a statement: prepared or not."""
UNPREPARED: Final = Prepare.NO
"""The state of a statement that was sent fewer times than ``prepare_threshold``."""
PREPARE: Final = Prepare.SHOULD
"""The state of a statement that must be prepared now."""
NAME_BITS: Final = 48
ADAPTERS: Final = "app_adapters"
"""The attribute of a connection with the adapters of its statements."""
MAX_ADAPTERS: Final = 100
"""As many as psycopg keeps prepared statements of a connection."""
WaitTimeout: Final = errors._WaitTimeout  # noqa: SLF001 -- ``waiting.wait`` raises nothing else


class Numbered(NamedTuple):
    """A statement with numbered parameters, as the server receives it, and the names of these parameters."""

    query: bytes
    formats: Sequence[PyFormat]
    names: tuple[str, ...]


def numbered(text: str) -> Numbered:
    """Return the statement with numbered parameters that a cursor of psycopg would send."""
    query, formats, names, _ = _query2pg_nocache(text.encode(), "utf-8")
    return Numbered(query, formats, tuple(names or ()))


def prepared(connection: "Connection[Any]") -> Record:
    """Return the record of the connection's prepared statements."""
    return connection._prepared  # noqa: SLF001 -- see above


def name_of(connection: "Connection[Any]", query: bytes, types: tuple[int, ...]) -> bytes | None:
    """Return the name of a prepared statement, and record its use; ``None`` if it must be sent otherwise."""
    record = prepared(connection)
    if record.prepare_threshold is None:
        return None
    key, names = (query, types), record._names  # noqa: SLF001 -- two methods of the record do the same in six calls
    name = names.get(key)
    if name is not None:
        names.move_to_end(key)
    return name


def adapter(connection: "Connection[Any]", statement: object) -> abc.Transformer:
    """Return the adapter of a statement on a connection. It has found the adapters of its types before."""
    kept: dict[object, abc.Transformer] | None = connection.__dict__.get(ADAPTERS)
    if kept is None:
        kept = connection.__dict__[ADAPTERS] = {}
    found = kept.get(statement)
    if found is None:
        if len(kept) >= MAX_ADAPTERS:
            kept.clear()
        found = kept[statement] = Transformer(connection)
    return found


def use_unique_names(connection: "Connection[Any]") -> None:
    """Number the prepared statements of a connection from a random number.

    psycopg numbers them from 0 on each connection. A pooler passes sessions from client to client, and such a name
    could then execute the statement of another client. A missing name is an error, and the statement is sent again.
    """
    prepared(connection)._prepared_idx = secrets.randbits(NAME_BITS)  # noqa: SLF001 -- psycopg has no setting for it


def is_idle(connection: "Connection[Any]") -> bool:
    """Return whether there is nothing to roll back: neither a transaction nor a prepared one (two-phase commit)."""
    return connection.pgconn.transaction_status == TransactionStatus.IDLE and connection._tpc is None  # noqa: SLF001


def begin_command(connection: "Connection[Any]") -> bytes | None:
    """Return the command that must begin the transaction; ``None`` in autocommit, and inside a transaction."""
    if connection._autocommit or connection.pgconn.transaction_status != TransactionStatus.IDLE:  # noqa: SLF001 -- see above
        return None
    return connection._get_tx_start_command()  # noqa: SLF001 -- with the isolation level of the connection


def set_autocommit(connection: "Connection[Any]", value: bool) -> None:
    """Set autocommit outside of a transaction. The setter of psycopg takes a lock and checks for a transaction."""
    connection._autocommit = value  # noqa: SLF001 -- see above
