"""The position of a server in the write-ahead log, in SQL.

The LSN alone does not identify a state: after a failover, a standby can have more of the previous timeline than its
next primary has. ``Position.includes`` therefore compares the timelines as well.

The timeline of a standby is the latest that the control file or the WAL receiver shows. It can be too small for some
minutes after a failover, unless the role has ``pg_read_all_stats``; the primary then serves the reads.
"""

from typing import Final

from app.request_context import Position

LSN: Final = (
    "(CASE pg_is_in_recovery() WHEN true THEN coalesce(pg_last_wal_replay_lsn(), '0/0')"
    " WHEN false THEN pg_current_wal_insert_lsn() END - '0/0'::pg_lsn)::bigint"
)
OF_PRIMARY: Final = "('x' || left(pg_walfile_name(pg_current_wal_insert_lsn()), 8))::bit(32)::int::bigint"
OF_STANDBY: Final = (
    "greatest((SELECT timeline_id FROM pg_control_checkpoint()),"
    " (SELECT min_recovery_end_timeline FROM pg_control_recovery()),"
    " (SELECT received_tli FROM pg_stat_wal_receiver))::bigint"
)
TIMELINE: Final = f"CASE pg_is_in_recovery() WHEN true THEN {OF_STANDBY} WHEN false THEN {OF_PRIMARY} END"
AFTER_COMMIT: Final = f"SELECT {OF_PRIMARY}, (pg_current_wal_insert_lsn() - '0/0'::pg_lsn)::bigint".encode()
"""Sent together with COMMIT. Its position includes the transaction."""


def parsed(values: tuple[bytes | None, bytes | None]) -> Position | None:
    """Return the position in the result of ``AFTER_COMMIT``, in text format."""
    timeline, lsn = values
    return None if timeline is None or lsn is None else Position(int(timeline), int(lsn))
