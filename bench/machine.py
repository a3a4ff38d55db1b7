"""The machine and the versions of a measurement."""

import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Final

from bench.candidates import PYTHON

PACKAGES: Final = ("gunicorn", "flask", "flask-smorest", "sqlalchemy", "psycopg", "orjson")
PEERS: Final = (
    *("falcon", "django", "djangorestframework", "fastapi", "starlette", "blacksheep", "uvicorn", "granian"),
    *("litestar", "msgspec", "asyncpg"),
)


def described() -> dict[str, str]:
    """Return the machine and its software."""
    return {
        "processor": _processor(),
        "cores": str(os.cpu_count()),
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB",
        "system": f"{platform.system()} {platform.release().partition('-')[0]}",
        "python": platform.python_version(),
        "packages": ", ".join(f"{name} {version(name)}" for name in PACKAGES),
    }


def peers() -> str:
    """Return the versions of the frameworks that Candor is compared with."""
    code = f"from importlib.metadata import version\nprint(', '.join(f'{{n}} {{version(n)}}' for n in {PEERS}))"
    return subprocess.check_output([PYTHON, "-c", code], text=True).strip()  # noqa: S603 -- candor


def load() -> str:
    """Return the average number of processes that ran or wanted to run in the last minute."""
    return f"{os.getloadavg()[0]:.1f}"


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or "unknown"
