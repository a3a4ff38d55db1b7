"""Machines: network namespaces on one bridge, and their processes. Needs root, and iproute2."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Final

from deploy.local import exec_child
from tests.stack.deployment import ROOT

PREFIX: Final = "cdr-"
SWITCH: Final = f"{PREFIX}switch"
SUBNET: Final = "10.77.0"
HERE: Final = f"{SUBNET}.1"
"""The address of the drill itself, which is on the bridge too."""
PLACES: Final[Mapping[str, int]] = {
    "n1": 11, "n2": 12, "n3": 13, "a1": 21, "a2": 22, "web": 31, "way": 32, "oracle": 41,
}  # fmt: skip
"""The last part of each machine's address: PostgreSQL, the service, nginx, the ways to PostgreSQL, the oracle."""
LOCK: Final = f"\0{PREFIX}drill"
"""An abstract address of Linux, which is free again when its process ends."""
NO_STATION: Final = "02:00:00:00:00:01"
"""A hardware address that no machine has."""


class NetworkError(RuntimeError):
    """The machines cannot be made; the message is one line."""


def address(machine: str) -> str:
    """Return the address of a machine."""
    return f"{SUBNET}.{PLACES[machine]}"


def ip(*words: str, inside: str = "") -> None:
    """Run ``ip``, in a machine if one is named. Raises: NetworkError."""
    _run(["ip", *(["-n", PREFIX + inside] if inside else []), *words])


def _run(command: Sequence[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise NetworkError(f"{' '.join(command)}: {done.stderr.strip()}")


class Network:
    """The machines, and the faults of their links."""

    def __init__(self, logs: Path) -> None:
        self._logs = logs

    def build(self) -> None:
        """Make the machines. Raises: NetworkError."""
        _run(["ip", "netns", "add", SWITCH])
        _run(["ip", "-n", SWITCH, "link", "add", "br0", "type", "bridge"])
        _run(["ip", "-n", SWITCH, "link", "set", "br0", "up"])
        for machine in PLACES:
            _run(["ip", "netns", "add", PREFIX + machine])
            ip("link", "set", "lo", "up", inside=machine)
            self._plug_in(machine, PREFIX + machine)
            ip("addr", "add", f"{address(machine)}/24", "dev", "eth0", inside=machine)
            ip("link", "set", "eth0", "up", inside=machine)
        self._plug_in("here", "")
        ip("addr", "add", f"{HERE}/24", "dev", f"{PREFIX}here")
        ip("link", "set", f"{PREFIX}here", "up")

    def _plug_in(self, name: str, namespace: str) -> None:
        """Connect a machine, or this one, with the bridge."""
        near, far = f"{PREFIX}{name}", f"p-{name}"
        ip("link", "add", near, "type", "veth", "peer", "name", far)
        ip("link", "set", far, "netns", SWITCH)
        _run(["ip", "-n", SWITCH, "link", "set", far, "master", "br0"])
        _run(["ip", "-n", SWITCH, "link", "set", far, "up"])
        if namespace:
            ip("link", "set", near, "netns", namespace)
            _run(["ip", "-n", namespace, "link", "set", near, "name", "eth0"])

    def remove(self) -> None:
        """End every process in the machines, and remove these."""
        for machine in PLACES:
            self.kill(machine)
        for namespace in (*(PREFIX + machine for machine in PLACES), SWITCH):
            subprocess.run(["ip", "netns", "del", namespace], capture_output=True, check=False)
        subprocess.run(["ip", "link", "del", f"{PREFIX}here"], capture_output=True, check=False)

    def start(
        self,
        machine: str,
        name: str,
        argv: Sequence[str | Path],
        *,
        account: tuple[int, int] | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> "subprocess.Popen[bytes]":
        """Start a program in a machine, with its output in a log of this name. The kernel kills it with the drill."""
        command = exec_child.command(list(map(str, argv)), dies_by=signal.SIGKILL, account=account, sees_all=True)
        with (self._logs / f"{name}.log").open("ab") as log:
            return subprocess.Popen(
                ["ip", "netns", "exec", PREFIX + machine, *command],
                cwd=ROOT,
                env={**os.environ, "PYTHONUNBUFFERED": "1", **(environment or {})},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def pids(self, machine: str) -> set[int]:
        """Return the processes of a machine."""
        done = subprocess.run(["ip", "netns", "pids", PREFIX + machine], capture_output=True, text=True, check=False)
        return {int(pid) for pid in done.stdout.split()}

    def kill(self, machine: str, *, but: Collection[int] = ()) -> None:
        """Kill the processes of a machine, as its power supply does, except some; return when they have ended."""
        until = time.monotonic() + 10
        while (left := self.pids(machine).difference(but)) and time.monotonic() < until:
            signal_all(left, signal.SIGKILL)
            signal_all(left, signal.SIGCONT)
            time.sleep(0.05)

    def unplug(self, machine: str) -> None:
        """Take the link of a machine down: packets to it are lost silently."""
        ip("link", "set", "eth0", "down", inside=machine)

    def plug_in(self, machine: str) -> None:
        """Take the link up again."""
        ip("link", "set", "eth0", "up", inside=machine)

    @contextmanager
    def cut(self, machine: str, others: Collection[str]) -> Iterator[None]:
        """Lose all packets between a machine and some others, in both directions."""
        both = [*((machine, other) for other in others), *((other, machine) for other in others)]
        for near, far in both:
            station = ["lladdr", NO_STATION, "nud", "permanent", "dev", "eth0"]
            ip("neigh", "replace", address(far), *station, inside=near)
        try:
            yield
        finally:
            for near, far in both:
                with suppress(NetworkError):
                    ip("neigh", "del", address(far), "dev", "eth0", inside=near)

    @contextmanager
    def slow(self, machines: Collection[str], quality: str) -> Iterator[None]:
        """Delay and lose packets that machines send: ``netem``'s parameters. Raises: NetworkError: no such kernel."""
        done: list[str] = []
        try:
            for machine in machines:
                words = ["dev", "eth0", "root", "netem", *quality.split()]
                _run(["tc", "-n", PREFIX + machine, "qdisc", "add", *words])
                done.append(machine)
            yield
        finally:
            for machine in done:
                _run(["tc", "-n", PREFIX + machine, "qdisc", "del", "dev", "eth0", "root"])


def signal_all(pids: Collection[int], signum: signal.Signals) -> None:
    """Send a signal to processes that may have ended."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signum)


@contextmanager
def network(logs: Path) -> Iterator[Network]:
    """Make the machines, and remove them with all their processes. Raises: NetworkError."""
    if sys.platform != "linux" or os.geteuid() != 0:
        raise NetworkError("network namespaces need root on Linux")
    made = Network(logs)
    with closing(socket.socket(socket.AF_UNIX)) as lock:
        try:
            lock.bind(LOCK)
        except OSError:
            raise NetworkError("another cluster drill runs on this machine") from None
        made.remove()  # those of a run that was killed; its processes died with it
        try:
            made.build()
            yield made
        finally:
            made.remove()
