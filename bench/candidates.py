"""The candidates and their servers: one worker on one core each; only Candor writes an access log."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from bench.database import HOME, ROOT
from bench.load import Caller, Dial
from bench.rpc import RpcCaller

PYTHON: Final = str(ROOT / ".local" / "bench-venv" / "bin" / "python")
SECRET: Final = "a-secret-of-the-benchmark-32-bytes-long!"  # noqa: S105 -- of nothing else
GUNICORN: Final = [PYTHON, "-m", "gunicorn", "-c", "bench/peers/gunicorn.conf.py", "--bind", "127.0.0.1:{port}"]
UVICORN: Final = [
    PYTHON,
    "-m",
    "uvicorn",
    "--host",
    "127.0.0.1",
    "--port",
    "{port}",
    "--no-access-log",
    "--log-level",
    "warning",
]
CANDOR: Final = {
    "candor": [sys.executable, "-m", "gunicorn", "-c", "gunicorn.conf.py", "wsgi:app"],
    "rpc": [PYTHON, "-m", "flask", "--app", "wsgi", "rpc", "serve"],
}
"""The commands that serve Candor, over HTTP and over gRPC; the latter needs packages of the other environment."""
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

    @property
    def dial(self) -> Dial:
        """Return the client of its protocol."""
        return RpcCaller if self.is_rpc else Caller

    def environment(self, url: str, port: int) -> Mapping[str, str]:
        """Return the environment of the server."""
        plain = {"PATH": os.environ.get("PATH", os.defpath), "LANG": "C.UTF-8", "JWT_SECRET": SECRET}
        if self.key not in CANDOR:
            return {**plain, "DATABASE_URL": url, "PYTHONPATH": str(ROOT)}
        return {**plain, **candor(url, port, is_rpc=self.is_rpc)}


def candor(url: str, port: int, *, is_rpc: bool = False) -> dict[str, str]:
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
        "WEB_CONCURRENCY": "1",
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


CANDIDATES: Final = (
    Candidate("baseline", "baseline: bare WSGI", [*GUNICORN, "bench.peers.baseline:served()"]),
    Candidate("candor", "Candor, everything on", CANDOR["candor"]),
    Candidate("flask", "bare Flask", [*GUNICORN, "bench.peers.flask_bare:app"]),
    Candidate("falcon", "bare Falcon", [*GUNICORN, "bench.peers.falcon_bare:app"]),
    Candidate("smorest", "flask-smorest + ORM", [*GUNICORN, "bench.peers.smorest_orm:app"]),
    Candidate("drf", "Django REST framework", [*GUNICORN, "bench.peers.drf:app"]),
    Candidate("fastapi", "FastAPI + async ORM", [*UVICORN, "bench.peers.fastapi_orm:app"]),
    Candidate("litestar", "Litestar + asyncpg", [*UVICORN, "bench.peers.litestar_raw:app"], lacks=frozenset({"W5"})),
    Candidate(
        "rpc-baseline",
        "baseline: bare grpcio",
        [PYTHON, "-m", "bench.peers.baseline_rpc", "{port}"],
        lacks=NOT_OVER_RPC,
        is_rpc=True,
    ),
    Candidate("rpc", "Candor over gRPC, everything on", CANDOR["rpc"], lacks=NOT_OVER_RPC, is_rpc=True),
)
