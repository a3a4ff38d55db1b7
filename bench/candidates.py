"""The candidates and their servers: one worker on one core each, or two on two; only Candor writes an access log."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from bench.database import HOME, ROOT
from bench.go_peer import COMPILED
from bench.load import Caller, Dial, Requests
from bench.rpc import RpcCaller
from bench.workloads import Callers, Workload, always

PYTHON: Final = str(ROOT / ".local" / "bench-venv" / "bin" / "python")
SECRET: Final = "a-secret-of-the-benchmark-32-bytes-long!"  # noqa: S105 -- of nothing else
ROUTE: Final = "/bench/healthz"
"""The path of ``bench.peers.candor_route``."""
GUNICORN: Final = [
    *(PYTHON, "-m", "gunicorn", "-c", "bench/peers/gunicorn.conf.py"),
    *("--bind", "127.0.0.1:{port}", "--workers", "{workers}"),
]
UVICORN: Final = [
    *(PYTHON, "-m", "uvicorn", "--host", "127.0.0.1", "--port", "{port}", "--workers", "{workers}"),
    *("--no-access-log", "--log-level", "warning"),
]
GRANIAN: Final = [
    *(PYTHON, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", "{port}"),
    *("--workers", "{workers}", "--blocking-threads", "5", "--log-level", "warning", "--factory"),
]
"""With as many threads as connections to PostgreSQL."""
CANDOR: Final = {
    "candor": [sys.executable, "-m", "gunicorn", "-c", "gunicorn.conf.py", "wsgi:app"],
    "rpc": [PYTHON, "-m", "flask", "--app", "wsgi", "rpc", "serve"],
}
"""The commands that serve Candor, over HTTP and over gRPC; the latter needs packages of the other environment."""
GUNICORN_OF_CANDOR: Final = CANDOR["candor"][:-1]
NOT_OVER_RPC: Final = frozenset({"W4", "W5", "W6", "W7"})


@dataclass(frozen=True)
class Candidate:
    """A server to measure."""

    key: str
    name: str
    command: list[str] = field(repr=False)
    lacks: frozenset[str] = frozenset()
    """Workloads that it cannot do."""
    is_rpc: bool = False
    """True if it serves gRPC."""
    is_framework: bool = False
    """True if Candor is compared with it as a peer: neither bare WSGI nor a compiled language."""
    is_candor: bool = False
    paths: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Its paths in workloads where they differ."""

    @property
    def dial(self) -> Dial:
        """Return the client of its protocol."""
        return RpcCaller if self.is_rpc else Caller

    def environment(self, url: str, port: int, *, workers: int = 1) -> Mapping[str, str]:
        """Return the environment of the server."""
        plain = {"PATH": os.environ.get("PATH", os.defpath), "LANG": "C.UTF-8", "JWT_SECRET": SECRET}
        if not self.is_candor:
            return {**plain, "DATABASE_URL": url, "PYTHONPATH": str(ROOT), "GOMAXPROCS": str(workers)}
        return {**plain, **candor(url, port, is_rpc=self.is_rpc, workers=workers)}

    def requests(self, workload: Workload, callers: Callers) -> Requests:
        """Return the requests of a workload. Raises: LookupError: it does not exist over gRPC."""
        path = self.paths.get(workload.key)
        return workload.requests(callers, is_rpc=self.is_rpc) if path is None else always(path)(callers)


def candor(url: str, port: int, *, is_rpc: bool = False, workers: int = 1) -> dict[str, str]:
    """Return the settings of production, with everything on; the benchmark does not reach the rate limit."""
    served, other = ("RPC_", "") if is_rpc else ("", "RPC_")
    return {
        "APP_ENV": "production",
        "DATABASE_URL": url,
        "JWT_SECRET": SECRET,
        f"{served}PORT": str(port),
        "PUBLIC_URL": "https://candor.example",
        "RATE_LIMIT": "1000000 per second",
        "DRAIN_SECONDS": "0",
        f"{served}METRICS_PORT": str(port + 1),
        f"{other}METRICS_PORT": "0",
        **({} if is_rpc else {"RPC_PORT": "0"}),
        "WEB_CONCURRENCY": str(workers),
        "TMPDIR": str(HOME),
    }


def violations(body: Any) -> int:
    """Return the number of violations in a response, in the format of each framework."""
    if isinstance(body, dict):
        named = body.get("errors") or body.get("detail") or body.get("extra")
        if isinstance(named, list):
            return len(named)
        return sum(map(violations, (named or body).values() if isinstance(named or body, dict) else []))
    return sum(map(violations, body)) if isinstance(body, list) else 1


WITHOUT_HEALTH: Final = frozenset({"W1", "W2", "W3", "W4", "W5", "W6"})
CANDIDATES: Final = (
    Candidate("baseline", "baseline: bare WSGI", [*GUNICORN, "bench.peers.baseline:served()"]),
    Candidate("candor", "Candor, everything on", CANDOR["candor"], is_candor=True),
    Candidate(
        "candor-route",
        "Candor, W7 as a route",
        [*GUNICORN_OF_CANDOR, "bench.peers.candor_route:app"],
        lacks=WITHOUT_HEALTH,
        is_candor=True,
        paths={"W7": ROUTE},
    ),
    Candidate("flask", "bare Flask", [*GUNICORN, "bench.peers.flask_bare:app"], is_framework=True),
    Candidate("falcon", "bare Falcon", [*GUNICORN, "bench.peers.falcon_bare:app"], is_framework=True),
    Candidate("smorest", "flask-smorest + ORM", [*GUNICORN, "bench.peers.smorest_orm:app"], is_framework=True),
    Candidate("drf", "Django REST framework", [*GUNICORN, "bench.peers.drf:app"], is_framework=True),
    Candidate("fastapi", "FastAPI + async ORM", [*UVICORN, "bench.peers.fastapi_orm:app"], is_framework=True),
    Candidate("starlette", "Starlette + asyncpg", [*UVICORN, "bench.peers.starlette_bare:app"], is_framework=True),
    Candidate("blacksheep", "BlackSheep + asyncpg", [*UVICORN, "bench.peers.blacksheep_bare:app"], is_framework=True),
    Candidate(
        "litestar",
        "Litestar + asyncpg",
        [*UVICORN, "bench.peers.litestar_raw:app"],
        lacks=frozenset({"W5"}),
        is_framework=True,
    ),
    Candidate("granian", "granian + bare WSGI", [*GRANIAN, "bench.peers.baseline:served"]),
    Candidate("go", "Go: net/http + pgx", [str(COMPILED), "{port}"]),
    Candidate(
        "rpc-baseline",
        "baseline: bare grpcio",
        [PYTHON, "-m", "bench.peers.baseline_rpc", "{port}"],
        lacks=NOT_OVER_RPC,
        is_rpc=True,
    ),
    Candidate("rpc", "Candor over gRPC, everything on", CANDOR["rpc"], lacks=NOT_OVER_RPC, is_rpc=True, is_candor=True),
)
