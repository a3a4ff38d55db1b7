"""Who is measured, and how each is served: by one worker on one core; of all, only ours writes an access log."""

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
OURS: Final = {
    "ours": [sys.executable, "-m", "gunicorn", "-c", "gunicorn.conf.py", "wsgi:app"],
    "rpc": [PYTHON, "-m", "flask", "--app", "wsgi", "rpc", "serve"],
}
"""How this service is served, over HTTP and over gRPC; for the latter it needs what only the other environment has."""
NOT_OVER_RPC: Final = frozenset({"W4", "W5", "W6", "W7"})


@dataclass(frozen=True)
class Contestant:
    """Somebody's server."""

    key: str
    name: str
    command: list[str] = field(repr=False)
    lacks: frozenset[str] = frozenset()
    """Workloads that it cannot do."""
    is_rpc: bool = False
    """Whether it is asked over gRPC."""

    @property
    def dial(self) -> Dial:
        """Return what speaks its protocol."""
        return RpcCaller if self.is_rpc else Caller

    def environment(self, url: str, port: int) -> Mapping[str, str]:
        """Return what the server finds in its environment."""
        plain = {"PATH": os.environ.get("PATH", os.defpath), "LANG": "C.UTF-8", "JWT_SECRET": SECRET}
        if self.key not in OURS:
            return {**plain, "DATABASE_URL": url, "PYTHONPATH": str(ROOT)}
        return {**plain, **ours(url, port)}


def ours(url: str, port: int) -> dict[str, str]:
    """Return the settings of production, with everything on; only the limit is one that nobody meets here."""
    return {
        "APP_ENV": "production",
        "DATABASE_URL": url,
        "JWT_SECRET": SECRET,
        "PORT": str(port),
        "RPC_PORT": str(port),
        "PUBLIC_URL": "https://candor.example",
        "RATE_LIMIT": "1000000 per second",
        "DRAIN_SECONDS": "0",
        "METRICS_PORT": str(port + 1),
        "RPC_METRICS_PORT": str(port + 1),
        "WEB_CONCURRENCY": "1",
        "TMPDIR": str(HOME),
    }


def violations(body: Any) -> int:
    """Return how many faults an answer names, in whichever way its framework does."""
    if isinstance(body, dict):
        named = body.get("errors") or body.get("detail") or body.get("extra")
        if isinstance(named, list):
            return len(named)
        return sum(map(violations, (named or body).values() if isinstance(named or body, dict) else []))
    return sum(map(violations, body)) if isinstance(body, list) else 1


CONTESTANTS: Final = (
    Contestant("floor", "floor: bare WSGI", [*GUNICORN, "bench.peers.baseline:served()"]),
    Contestant("ours", "Candor, everything on", OURS["ours"]),
    Contestant("flask", "bare Flask", [*GUNICORN, "bench.peers.flask_bare:app"]),
    Contestant("falcon", "bare Falcon", [*GUNICORN, "bench.peers.falcon_bare:app"]),
    Contestant("smorest", "flask-smorest + ORM", [*GUNICORN, "bench.peers.smorest_orm:app"]),
    Contestant("drf", "Django REST framework", [*GUNICORN, "bench.peers.drf:app"]),
    Contestant("fastapi", "FastAPI + async ORM", [*UVICORN, "bench.peers.fastapi_orm:app"]),
    Contestant("litestar", "Litestar + asyncpg", [*UVICORN, "bench.peers.litestar_raw:app"], lacks=frozenset({"W5"})),
    Contestant(
        "rpc-floor",
        "floor: bare grpcio",
        [PYTHON, "-m", "bench.peers.baseline_rpc", "{port}"],
        lacks=NOT_OVER_RPC,
        is_rpc=True,
    ),
    Contestant("rpc", "Candor over gRPC, everything on", OURS["rpc"], lacks=NOT_OVER_RPC, is_rpc=True),
)
