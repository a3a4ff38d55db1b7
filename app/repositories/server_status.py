"""The version of PostgreSQL and its connections, for operators."""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import Integer, cast, column, func, literal, select, table

from app.repositories.autocommit_reads import Reads
from app.repositories.compiled_statement import CompiledStatement

BACKENDS: Final = table("pg_stat_activity", column("backend_type"))


RESERVED: Final = ("superuser_reserved_connections", "reserved_connections")
"""The settings of reserved connections. The second one exists since PostgreSQL 16."""


@dataclass(frozen=True, slots=True)
class ServerStatus:
    """The version of the server, its client connections (of all databases), and their maximum.

    ``reserved`` of the maximum are only for superusers and for roles with ``pg_use_reserved_connections``.
    """

    version: str
    connections: int
    max_connections: int
    reserved: int


class ServerReads:
    """Reads the status of the database server."""

    def __init__(self, reads: Reads) -> None:
        self._reads = reads
        connections = select(func.count()).select_from(BACKENDS).where(BACKENDS.c.backend_type == "client backend")
        self._statement = CompiledStatement(
            select(
                func.current_setting("server_version"),
                connections.scalar_subquery(),
                cast(func.current_setting("max_connections"), Integer),
                sum(
                    (cast(func.coalesce(func.current_setting(name, True), "0"), Integer) for name in RESERVED),
                    literal(0),
                ),
            )
        )

    def status(self) -> ServerStatus:
        """Return the status.

        Raises:
            ServiceUnavailable: the database is not reachable.
        """
        return ServerStatus(*self._reads.all(self._statement)[0])
