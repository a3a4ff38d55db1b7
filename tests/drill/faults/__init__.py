"""The faults, in the order of the drill. Each is a function; its docstring describes the fault and the promises.

A fault acts while a steady load runs, calls ``env.heal()`` when the cause is gone, and may report
additional notes and broken promises. The promises about requests and writes are the same for all faults.
"""

from collections.abc import Callable
from typing import Final

from tests.drill.environment import Environment
from tests.drill.faults import (
    clients,
    consistency,
    database,
    noisy_neighbours,
    overload,
    panics,
    processes,
    redis,
    schema,
    sessions,
    states,
    upkeep,
)

Fault = Callable[[Environment], None]
FAULTS: Final[tuple[Fault, ...]] = (
    noisy_neighbours.steady_load,
    noisy_neighbours.noisy_neighbour,
    database.postgres_restarted,
    database.postgres_crashed,
    database.sessions_terminated,
    database.postgres_frozen,
    database.frozen_with_impatient_clients,
    database.standby_lost,
    database.postgres_absent_at_boot,
    sessions.table_locked,
    sessions.connections_taken,
    sessions.deadlocks,
    sessions.serialization_failures,
    states.read_only,
    states.disk_full,
    panics.wal_disk_full,
    states.schema_behind,
    states.schema_ahead,
    processes.workers_killed,
    processes.worker_stopped,
    processes.instances_replaced,
    processes.workers_reloaded,
    processes.master_killed,
    clients.answers_not_awaited,
    clients.hot_row,
    clients.title_race,
    clients.read_your_writes,
    consistency.histories,
    upkeep.migrated,
    upkeep.migration_blocked,
    schema.column_widened,
    schema.upgrade_during_load,
    upkeep.restored,
    redis.redis_killed,
    redis.redis_frozen,
    redis.redis_full,
    redis.redis_flushed,
    processes.everything_killed,
    overload.burst,
    overload.overload,
)


def name_of(fault: Fault) -> str:
    """Return the fault's name in the table and in ``ONLY=``."""
    return getattr(fault, "__name__", "").replace("_", "-")
