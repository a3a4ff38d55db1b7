"""The work itself, with nothing around it: token check, SQL by psycopg, JSON by orjson.

Both baselines and both bare peers use it. The statements are those that Candor sends for the same request, and the
transactions too.
"""

import base64
import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID, uuid4

import jwt
import orjson
from psycopg import Connection
from psycopg.errors import QueryCanceled, UniqueViolation

SECRET: Final = os.environ.get("JWT_SECRET", "")
STATUSES: Final = {"STATUS_PENDING": 1, "STATUS_IN_PROGRESS": 2, "STATUS_COMPLETED": 3, "STATUS_CANCELLED": 4}
PRIORITIES: Final = {"PRIORITY_LOW": 1, "PRIORITY_MEDIUM": 2, "PRIORITY_HIGH": 3, "PRIORITY_CRITICAL": 4}
STATUS_OF: Final = {number: name for name, number in STATUSES.items()}
PRIORITY_OF: Final = {number: name for name, number in PRIORITIES.items()}
COLUMNS: Final = (
    "id, title, description, status, priority, due_date, create_time, update_time, created_by, tags, version"
)
ONE: Final = f"SELECT {COLUMNS} FROM tasks WHERE id = %s"
PAGE: Final = f"SELECT {COLUMNS} FROM tasks WHERE created_by = %s ORDER BY create_time DESC, id DESC LIMIT %s"
COUNT: Final = "SELECT count(*) FROM tasks WHERE created_by = %s"
INSERT: Final = f"INSERT INTO tasks ({COLUMNS}) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, 1)"
Row = tuple[Any, ...]
Borrow = Callable[[], AbstractContextManager["Connection[Row]"]]


class Rejected(Exception):
    """A rejection."""

    def __init__(self, status: int, *errors: str) -> None:
        self.status, self.body = status, orjson.dumps({"errors": errors})


def subject(authorization: str) -> str:
    """Return the subject of a token. Raises: Rejected."""
    scheme, _, token = authorization.partition(" ")
    try:
        claims = jwt.decode(token, SECRET, algorithms=["HS256"], options={"require": ["exp", "iat", "sub"]})
    except jwt.PyJWTError as exc:
        raise Rejected(401, "invalid token") from exc
    if scheme != "Bearer" or "tasks" not in claims.get("scope", "").split():
        raise Rejected(403, "insufficient scope")
    return str(claims["sub"])


def shown(row: Row) -> dict[str, Any]:
    """Return a row in the form of a response."""
    return {
        "name": f"tasks/{row[0]}",
        "title": row[1],
        "description": row[2],
        "status": STATUS_OF[row[3]],
        "priority": PRIORITY_OF[row[4]],
        "due_date": row[5],
        "create_time": row[6],
        "update_time": row[7],
        "created_by": row[8],
        "tags": row[9],
    }


class Tasks:
    """Tasks in PostgreSQL, answered as JSON."""

    def __init__(self, borrow: Borrow) -> None:
        self._borrow = borrow

    def get(self, task_id: str, by: str) -> bytes:
        """Return one task, as JSON. Raises: Rejected."""
        return orjson.dumps(shown(self.row(task_id, by)), option=orjson.OPT_UTC_Z)

    def row(self, task_id: str, by: str) -> Row:
        """Return one task. Raises: Rejected."""
        with self._borrow() as connection:
            row = connection.execute(ONE, (UUID(task_id),), binary=True).fetchone()
        if row is None:
            raise Rejected(404, "no such task")
        if row[8] != by:
            raise Rejected(403, "not yours")
        return row

    def page(self, size: int, by: str) -> bytes:
        """Return the first page, as JSON."""
        rows, after, total = self.rows(size, by)
        answer = {"tasks": [shown(row) for row in rows], "next_page_token": after, "total_size": total}
        return orjson.dumps(answer, option=orjson.OPT_UTC_Z)

    def rows(self, size: int, by: str) -> tuple[list[Row], str | None, int]:
        """Return the first page, the token of the next one, and the total number."""
        with self._borrow() as connection:
            rows = connection.execute(PAGE, (by, size + 1), binary=True).fetchall()
            total = len(rows) if len(rows) <= size else self._count(connection, by)
        more = len(rows) > size
        after = base64.urlsafe_b64encode(f"{rows[size - 1][6]}|{rows[size - 1][0]}".encode()).decode() if more else None
        return rows[:size], after, total

    def _count(self, connection: "Connection[Row]", by: str) -> int:
        """Return the number of rows, or -1 when counting takes too long."""
        connection.execute("BEGIN; SET LOCAL statement_timeout = 50")
        try:
            return int(connection.execute(COUNT, (by,), binary=True).fetchall()[0][0])
        except QueryCanceled:
            return -1
        finally:
            connection.rollback()

    def create(self, body: bytes, by: str) -> tuple[bytes, str]:
        """Create a task, and return it and its path. Raises: Rejected."""
        task = orjson.loads(body)["task"]
        if errors := faults(task):
            raise Rejected(400, *errors)
        row = new_row(task, by)
        try:
            with self._borrow() as connection, connection.transaction():
                connection.execute(INSERT, row)
        except UniqueViolation as exc:
            raise Rejected(409, "title taken") from exc
        return orjson.dumps(shown(row), option=orjson.OPT_UTC_Z), f"/v1/tasks/{row[0]}"


def new_row(task: dict[str, Any], by: str) -> Row:
    """Return the row of a new task."""
    due, now = task.get("due_date"), datetime.now(UTC)
    return (
        uuid4(),
        task["title"],
        task.get("description"),
        STATUSES[task.get("status", "STATUS_PENDING")],
        PRIORITIES[task.get("priority", "PRIORITY_MEDIUM")],
        datetime.fromisoformat(due) if due else None,
        now,
        now,
        by,
        task.get("tags", []),
    )


def faults(task: dict[str, Any]) -> list[str]:
    """Return all violations of a new task."""
    found = []
    if not 1 <= len(task.get("title", "")) <= 200:
        found.append("title must have 1 to 200 characters")
    if len(task.get("description") or "") > 1000:
        found.append("description must have at most 1000 characters")
    if task.get("status", "STATUS_PENDING") not in STATUSES:
        found.append("status must be one of " + ", ".join(STATUSES))
    if task.get("priority", "PRIORITY_MEDIUM") not in PRIORITIES:
        found.append("priority must be one of " + ", ".join(PRIORITIES))
    due = task.get("due_date")
    if due and datetime.fromisoformat(due) <= datetime.now(UTC):
        found.append("due_date must be in the future")
    tags = task.get("tags", [])
    if len(tags) > 10 or len({*tags}) < len(tags):
        found.append("tags must be at most 10, each once")
    found += [
        f"{tag} is not a tag"
        for tag in tags
        if not (tag.isascii() and tag.replace("-", "").isalnum() and tag.islower())
    ]
    return found
