"""Run the deployment on this machine until Ctrl-C or SIGTERM; SIGHUP replaces one instance after the other.

HTTPS_PORT and HTTP_PORT choose nginx's ports, STACK_HOME the folder of its log and certificate, DATABASE_URL another
database, METRICS_PORT the port before those of the exporters; every other setting is the same as for `make run`. A
process that ends unexpectedly is started again.
"""

import contextlib
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # executed as a file, only its own folder is on the path

from app import product
from deploy.local import embedded_postgres, exec_child, private_files
from deploy.local import run as local
from deploy.stack.instance import Instance, InstanceError, Program
from deploy.stack.program_paths import NginxError, find
from deploy.stack.reverse_proxy import ReverseProxy, account

PROBLEMS: Final = [sys.executable, "-m", "flask", "edge", "nginx"]
APART: Final = 100
"""Between the first ports of the debug listeners of two instances."""
PROXY_STOP_SECONDS: Final = 15.0
KNOWN: Final = (NginxError, InstanceError, embedded_postgres.PostgresError, OSError, subprocess.SubprocessError)


class Stack:
    """The instances, the worker and nginx, and the received signals."""

    def __init__(self, proxy: ReverseProxy, instances: list[Instance], environment: dict[str, str]) -> None:
        self.proxy = proxy
        self.environment = environment
        self.instances = instances
        self.worker = Program(local.WORKER, environment)
        self.signals: set[int] = set()
        for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(signum, lambda received, _frame: self.signals.add(received))

    @property
    def must_end(self) -> bool:
        """True if the stack was stopped."""
        return bool(self.signals & {signal.SIGINT, signal.SIGTERM})

    def run(self) -> None:
        """Start everything, supervise it, and stop it again. Raises: NginxError, InstanceError."""
        nginx = None
        try:
            for instance in self.instances:
                instance.start()
            problems = printed(PROBLEMS, self.environment)
            for instance in self.instances:
                instance.wait_until_ready()
            self.worker.start()
            nginx = self.proxy.start(problems)
            self._print_addresses(nginx)
            while not self.must_end:
                self._look_after(nginx)
                time.sleep(0.1)
        finally:
            self._stop(nginx)

    def _look_after(self, nginx: "subprocess.Popen[bytes]") -> None:
        if nginx.poll() is not None:
            raise NginxError("nginx has ended")
        for instance in self.instances:
            if instance.revive():
                local.info(f"the instance on {instance.path} had ended and is started again")
        if self.worker.revive():
            local.info("the worker had ended and is started again")
        if signal.SIGHUP in self.signals:
            self.signals.discard(signal.SIGHUP)
            self._replace()

    def _replace(self) -> None:
        """Replace one instance after the other, one of which always serves, and then the worker."""
        for instance in self.instances:
            instance.signal(signal.SIGTERM)
            instance.wait()
            if self.must_end:
                return
            instance.start()
            instance.wait_until_ready()
            local.info(f"the instance on {instance.path} has been replaced by process {instance.pid}")
        self.worker.signal(signal.SIGTERM)
        self.worker.wait()
        if not self.must_end:
            self.worker.start()
            local.info(f"the worker has been replaced by process {self.worker.pid}")

    def _stop(self, nginx: "subprocess.Popen[bytes] | None") -> None:
        """Accept no more requests, and let the instances finish their requests, without the drain."""
        if nginx is not None and nginx.poll() is None:
            nginx.send_signal(signal.SIGQUIT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                nginx.wait(PROXY_STOP_SECONDS)
            nginx.kill()
            nginx.wait()
        self.worker.signal(signal.SIGTERM)
        for _ in range(2):
            for instance in self.instances:
                instance.signal(signal.SIGTERM)
            time.sleep(0.1)
        for each in (*self.instances, self.worker):
            each.wait()

    def _print_addresses(self, nginx: "subprocess.Popen[bytes]") -> None:
        front, jobs = self.proxy, int(self.environment.get("WORKER_METRICS_PORT") or 9094)
        lines = [
            "",
            f"  {product.NAME} answers on {front.url} (curl -k: the certificate is self-signed)",
            f"            and on {front.plain_url}, until Ctrl-C",
            "",
            f"  nginx      process {nginx.pid}, configured in {front.home}, rejections logged in {front.log}",
            *(f"  instance   process {each.pid}, {each.path}" for each in self.instances),
            f"  worker     process {self.worker.pid}, does jobs",
            "  token      .venv/bin/flask tokens issue --subject alice --scope tasks",
            *(
                f"  metrics    http://127.0.0.1:{port}/metrics"
                for each in self.instances
                if (port := each.metrics_port)
            ),
            *([f"  metrics    http://127.0.0.1:{jobs}/metrics (jobs)"] if jobs else []),
            f"  replace    kill -HUP {os.getpid()}    (both instances, one after the other, losing nothing)",
            "",
        ]
        print("\n".join(lines), flush=True)  # noqa: T201 - for the user


def main() -> int:
    """Run the stack; an expected error is printed in one line."""
    os.chdir(local.ROOT)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    local.settle_environment()
    if "MAKELEVEL" in os.environ:
        exec_child.ends_with_parent(signal.SIGTERM)  # a killed make passes nothing on
    try:
        find("nginx")
        kept = Path(os.environ.get("STACK_HOME") or local.LOCAL / "stack").absolute()
        private_files.make_directory(kept)
        with database(), runtime() as home:
            sockets = (home / "1.sock", home / "2.sock")
            proxy = ReverseProxy(
                home=home,
                log=kept / "nginx.log",
                certificate=kept / "tls.crt",
                key=kept / "tls.key",
                port=int(os.environ.get("HTTPS_PORT") or 8443),
                plain_port=int(os.environ.get("HTTP_PORT") or 8080),
                instances=(f"unix:{sockets[0]}", f"unix:{sockets[1]}"),
            )
            environment = production(proxy)
            Stack(proxy, list(map(Instance, sockets, distinct_ports(environment))), environment).run()
    except KNOWN as error:
        local.info(str(error))
        return 1
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    return 0


@contextlib.contextmanager
def database() -> Iterator[None]:
    """Yield when a database is migrated: that of DATABASE_URL, of another process in this checkout, or a new one."""
    if os.environ.get("DATABASE_URL"):
        local.migrate()
        yield
        return
    try:
        server = local.start_postgres()
    except embedded_postgres.AlreadyRunningError:
        url = local.neighbour()
        if url is None:
            raise
        os.environ["DATABASE_URL"] = url
        local.migrate()
        yield
        return
    try:
        local.migrate(embedded=server.url)
        yield
    finally:
        server.stop()


@contextlib.contextmanager
def runtime() -> Iterator[Path]:
    """Yield a folder with a short name, because socket paths are limited, which only nginx may enter."""
    home = Path(tempfile.mkdtemp(prefix=f"{product.SLUG}-stack-"))
    try:
        if os.geteuid() == 0:
            shutil.chown(home, group=account()[1])
            home.chmod(0o2710)  # the sockets of the instances, which are 0660, get the group as well
        yield home
    finally:
        shutil.rmtree(home, ignore_errors=True)


def printed(command: list[str], environment: dict[str, str]) -> str:
    """Return the output of a command. Raises: SubprocessError."""
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)  # noqa: S603 - fixed
    return done.stdout


def production(proxy: ReverseProxy) -> dict[str, str]:
    """Return the environment of the instances: production, with the secret that the commands in this checkout use."""
    secret = local.LOCAL / "jwt-secret"
    if not secret.exists():
        private_files.write_private(secret, secrets.token_hex(32))
    ours = {"APP_ENV": "production", "PUBLIC_URL": proxy.url}
    return {"JWT_SECRET": secret.read_text().strip(), **os.environ, **ours}


def distinct_ports(environment: dict[str, str]) -> Iterator[dict[str, str]]:
    """Yield the environment of each instance in turn, with separate ports, as under systemd.

    Its metrics are on 9091, 9092; its debug listeners, one for each worker, begin with 6160, 6260.
    """
    port, debug = int(environment.get("METRICS_PORT") or 9090), int(environment.get("DEBUG_PORT") or 6060)
    for number in count(1):
        ports = {"METRICS_PORT": port + number if port else 0, "DEBUG_PORT": debug + APART * number}
        yield {**environment, **{name: str(value) for name, value in ports.items()}}


if __name__ == "__main__":
    sys.exit(main())
