"""Who is measured, and how each is served: by one worker on one core; of all, only ours writes an access log."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from bench.database import HOME, ROOT

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
OURS: Final = [sys.executable, "-m", "gunicorn", "-c", "gunicorn.conf.py", "wsgi:app"]


@dataclass(frozen=True)
class Contestant:
    """Somebody's server."""

    key: str
    name: str
    command: list[str] = field(repr=False)
    lacks: frozenset[str] = frozenset()
    """Workloads that it cannot do."""

    def environment(self, url: str, port: int) -> Mapping[str, str]:
        """Return what the server finds in its environment."""
        plain = {"PATH": os.environ.get("PATH", os.defpath), "LANG": "C.UTF-8", "JWT_SECRET": SECRET}
        if self.key != "ours":
            return {**plain, "DATABASE_URL": url, "PYTHONPATH": str(ROOT)}
        return {**plain, **ours(url, port)}


def ours(url: str, port: int) -> dict[str, str]:
    """Return the settings of production, with everything on; only the limit is one that nobody meets here."""
    return {
        "APP_ENV": "production",
        "DATABASE_URL": url,
        "JWT_SECRET": SECRET,
        "PORT": str(port),
        "PUBLIC_URL": "https://candor.example",
        "RATE_LIMIT": "1000000 per second",
        "DRAIN_SECONDS": "0",
        "METRICS_PORT": str(port + 1),
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
    Contestant("floor", "floor: bare WSGI", [*GUNICORN, "bench.peers.floor:served()"]),
    Contestant("ours", "Candor, everything on", OURS),
    Contestant("flask", "bare Flask", [*GUNICORN, "bench.peers.flask_bare:app"]),
    Contestant("falcon", "bare Falcon", [*GUNICORN, "bench.peers.falcon_bare:app"]),
    Contestant("smorest", "flask-smorest + ORM", [*GUNICORN, "bench.peers.smorest_orm:app"]),
    Contestant("drf", "Django REST framework", [*GUNICORN, "bench.peers.drf:app"]),
    Contestant("fastapi", "FastAPI + async ORM", [*UVICORN, "bench.peers.fastapi_orm:app"]),
    Contestant("litestar", "Litestar + asyncpg", [*UVICORN, "bench.peers.litestar_raw:app"], lacks=frozenset({"W5"})),
)
