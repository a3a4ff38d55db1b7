"""The faults. Each is a function; its docstring describes it. It returns when the cause is gone."""

import subprocess
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import psycopg
from psycopg import sql

from tests.drill.cluster.network import Network, NetworkError
from tests.drill.cluster.postgres import DATABASE, NODES, Cluster, ClusterError, wait_for
from tests.drill.cluster.service import LOGINS, Service
from tests.drill.faults.upkeep import migrations_after

FAILS_OVER_WITHIN: Final = 60.0
LASTS: Final = 12.0
"""Seconds of a fault that ends by itself; less than the time to live of a leader."""
AFTERWARDS: Final = 3.0
"""Seconds under the next leader before the previous one comes back."""
PAUSE: Final = 3.0
UPGRADES_WITHIN: Final = 60.0
SHARED_BEFORE: Final = 10.0
SHARED_WITHIN: Final = 5.0
TOLERANCE: Final = 1.2
"""Requests that pass a shared limit, relative to it: workers count the first ones after a change alone."""
QUALITY: Final = "delay 50ms 20ms loss 2%"


class NotPossible(Exception):
    """The fault cannot be made on this machine; the message is one line."""


@dataclass(frozen=True, slots=True)
class Rig:
    """Everything that a fault can act on."""

    network: Network
    cluster: Cluster
    service: Service
    home: Path
    broken: list[str] = field(default_factory=list)
    """Promises that a fault has found broken, besides those about all faults."""


Fault = Callable[[Rig], None]


def _until_another_leads(rig: Rig, before: str) -> None:
    wait_for(lambda: rig.cluster.leader() not in {"", before}, FAILS_OVER_WITHIN, f"no leader but {before}")
    time.sleep(AFTERWARDS)


def switchover(rig: Rig) -> None:
    """Let the synchronous standby become the primary, as for maintenance."""
    rig.cluster.switch_over()


def primary_killed(rig: Rig) -> None:
    """Kill PostgreSQL and Patroni of the primary; they start again once there is another primary."""
    leader = rig.cluster.leader()
    rig.cluster.kill(leader)
    _until_another_leads(rig, leader)
    rig.cluster.start_patroni(leader)


def primary_frozen(rig: Rig) -> None:
    """Suspend all processes of the primary's machine; they resume once there is another primary."""
    leader = rig.cluster.leader()
    rig.cluster.freeze(leader)
    _until_another_leads(rig, leader)
    rig.cluster.thaw()


def link_down(rig: Rig) -> None:
    """Take the primary's link down until there is another primary."""
    leader = rig.cluster.leader()
    rig.network.unplug(leader)
    _until_another_leads(rig, leader)
    rig.network.plug_in(leader)


def standbys_stalled(rig: Rig) -> None:
    """Suspend PostgreSQL on both standbys for 12 s: no COMMIT is replicated."""
    rig.cluster.freeze(*rig.cluster.standbys(), only_postgres=True)
    time.sleep(LASTS)
    rig.cluster.thaw()


def app_machine_gone(rig: Rig) -> None:
    """Take the link of one instance's machine down for 12 s."""
    rig.network.unplug("a1")
    time.sleep(LASTS)
    rig.network.plug_in("a1")


def primary_cut_off(rig: Rig) -> None:
    """Lose all packets between the primary and the other nodes, while the service still reaches it."""
    leader = rig.cluster.leader()
    with rig.network.cut(leader, [node for node in NODES if node != leader]):
        _until_another_leads(rig, leader)


def etcd_gone(rig: Rig) -> None:
    """Kill etcd on all nodes for 12 s: Patroni demotes the primary, because it cannot renew its place."""
    rig.cluster.stop_etcd()
    time.sleep(LASTS)
    rig.cluster.restore()


def balancer_reloaded(rig: Rig) -> None:
    """Reload HAProxy."""
    rig.service.reload_haproxy()
    time.sleep(PAUSE)


def pooler_restarted(rig: Rig) -> None:
    """Pause PgBouncer for 3 s, resume it, kill it and start it again."""
    url = rig.service.url("pgbouncer").rsplit("/", 1)[0] + "/pgbouncer"
    with closing(psycopg.connect(url, autocommit=True, connect_timeout=5)) as console:
        console.pgconn.exec_(f"PAUSE {DATABASE}".encode())  # the console has no extended protocol
        time.sleep(PAUSE)
        console.pgconn.exec_(f"RESUME {DATABASE}".encode())
    time.sleep(PAUSE)
    rig.service.restart_pgbouncer()


def instance_cut_off(rig: Rig) -> None:
    """Lose all packets between one instance and PostgreSQL for 12 s."""
    with rig.network.cut("a1", [*NODES, "way"]):
        time.sleep(LASTS)


def redis_role_changed(rig: Rig) -> None:
    """Let Redis and its replica change roles; 5 s later, the limit of logins is shared by all workers again."""
    wait_for(rig.service.shares_limits, SHARED_BEFORE, "the limits are not shared before the fault")
    rig.service.change_roles_of_redis()
    time.sleep(SHARED_WITHIN)
    passed = rig.service.logins_passed(3 * LOGINS)
    if passed > LOGINS * TOLERANCE:
        rig.broken.append(f"{passed} logins passed at a limit of {LOGINS}")


def network_slow(rig: Rig) -> None:
    """Delay the service's packets to PostgreSQL by 50 ± 20 ms and lose 2 % of them, for 12 s."""
    try:
        with rig.network.slow(["a1", "a2", "oracle"], QUALITY):
            time.sleep(LASTS)
    except NetworkError as error:
        raise NotPossible(f"the kernel has no netem ({error})") from None


def switchover_during_upgrade(rig: Rig) -> None:
    """Run ``flask db upgrade`` with one more migration, switch over meanwhile, and run it again if it failed."""
    [(head,)] = rig.cluster.run(sql.SQL("SELECT version_num FROM alembic_version"))
    folder = migrations_after(head, rig.home / "migrations")
    first = rig.service.upgrade("--directory", folder)
    time.sleep(1)
    rig.cluster.switch_over()
    if first.wait(UPGRADES_WITHIN):
        wait_for(rig.cluster.is_whole, FAILS_OVER_WITHIN, "the cluster is not whole")
        _succeeds(rig.service.upgrade("--directory", folder), "upgrade")
    _succeeds(rig.service.upgrade("--directory", folder, command="downgrade"), "downgrade")


def _succeeds(process: "subprocess.Popen[bytes]", name: str) -> None:
    if process.wait(UPGRADES_WITHIN):
        raise ClusterError(f"flask db {name} has failed")


DEFAULT: Final[tuple[Fault, ...]] = (
    switchover,
    primary_killed,
    primary_frozen,
    link_down,
    standbys_stalled,
    app_machine_gone,
)
OTHERS: Final[tuple[Fault, ...]] = (
    primary_cut_off,
    etcd_gone,
    balancer_reloaded,
    pooler_restarted,
    instance_cut_off,
    redis_role_changed,
    network_slow,
    switchover_during_upgrade,
)
ONLY_BY: Final[dict[Fault, frozenset[str]]] = {
    balancer_reloaded: frozenset({"haproxy", "pgbouncer"}),
    pooler_restarted: frozenset({"pgbouncer"}),
}
"""The ways that a fault concerns; any, unless it is named here."""


def name_of(fault: Fault) -> str:
    """Return the fault's name in the table and in ``ONLY=``."""
    return getattr(fault, "__name__", "").replace("_", "-")
