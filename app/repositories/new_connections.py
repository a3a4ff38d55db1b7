"""New connections within the deadline: the driver itself has a minimum timeout of two seconds.

This module also rejects a database that can't store the service's data.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final

from psycopg import Connection
from sqlalchemy import Dialect

from app.errs.platform import ServiceUnavailable
from app.repositories import error_translation
from app.resilience import deadline
from app.resilience.timed_connect import first_connection

ENCODING: Final = "UTF8"
LISTS: Final = ("host", "hostaddr", "port")
"""The parameters of libpq that can have a value for each host."""
PROVING: Final = 0.25
"""Seconds without a connection that count as a failure of the database, even if the caller has shortened the deadline.

A connection takes at least four round trips. A shorter wait therefore proves nothing about a distant or busy database.
"""


class HostList:
    """The hosts of one engine, in the order in which they are tried. The last one that was available is first.

    Each new connection would otherwise wait for a lost host that is earlier in the list. For the same reason, each
    host is dialed separately, the next one before a lost one has timed out. libpq itself tries the hosts for
    ``prefer-standby`` and ``load_balance_hosts``, which choose between available hosts.
    """

    def __init__(self) -> None:
        self._order: tuple[int, ...] = ()

    def connect(self, dialect: Dialect, _record: object, arguments: Any, options: Any) -> Connection[Any] | None:
        """Return a connection; ``None`` without a deadline: the engine then connects itself.

        Raises:
            DeadlineExceeded: there was no connection in time. If it is established later, it is closed.
        """
        limit = deadline.current.get()
        if limit is None:
            return None
        lists = {name: options[name].split(",") for name in LISTS if "," in str(options.get(name, ""))}
        count = max(map(len, lists.values()), default=1)
        if len(self._order) != count:
            self._order = tuple(range(count))
        order = self._order
        hosts = [{name: each[at] for name, each in lists.items() if len(each) == count} for at in order]
        if options.get("target_session_attrs") == "prefer-standby" or options.get("load_balance_hosts") == "random":
            hosts = [{name: ",".join(each[name] for each in hosts) for name in hosts[0]}]
        first = 1 if len(hosts) == 1 else 0  # the next host, after a failure of all together
        try:
            connects = [partial(dialect.connect, *arguments, **{**options, **each}) for each in hosts]
            first, connection = _connect_before(limit, connects)
            if len(hosts) == 1:
                first = _position(connection, hosts[0])
        finally:
            self._order = order[first:] + order[:first]
        return connection


def _position(connection: Connection[Any], ordered: Mapping[str, str]) -> int:
    """Return the position of the connection's host in the list."""
    info = connection.pgconn
    found = {"host": info.host, "hostaddr": info.hostaddr, "port": info.port}
    rows = zip(*([(name, value) for value in values.split(",")] for name, values in ordered.items()), strict=True)
    matching = (at for at, row in enumerate(rows) if all(found[name].decode() == value for name, value in row))
    return next(matching, 0)


def _connect_before(limit: deadline.Deadline, connects: Sequence[Callable[[], Any]]) -> tuple[int, Connection[Any]]:
    """Return the first connection, and the position of its function."""
    timeout = limit.remaining()
    found = first_connection(connects, close=Connection.close, within=timeout)
    if found is None:
        late = limit.exceeded("database")
        if timeout >= PROVING:
            late.facts = {**late.facts, "is_answered": False}
        error_translation.count(late, "connect")
        raise late
    return found


def reject_unfit(connection: Connection[Any], _record: object) -> None:
    """Close a connection to a database with another encoding than UTF-8. The check needs no statement.

    Raises:
        ServiceUnavailable: the database has another encoding. ``detail`` contains the fix.
    """
    encoding = connection.info.parameter_status("server_encoding")
    if encoding in {ENCODING, None}:  # some poolers do not report it
        return
    name = connection.info.dbname
    connection.close()
    raise ServiceUnavailable(
        "database.connect",
        detail=f"the database {name} is encoded in {encoding}, not UTF8: create it again with CREATE DATABASE {name}"
        " TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C.UTF-8'",
        retry_after=1,
    )
