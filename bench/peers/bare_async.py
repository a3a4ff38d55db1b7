"""The work of ``bare`` on asyncio: the same checks and JSON, with asyncpg. The asynchronous bare peers use it."""

import base64
import os
from uuid import UUID

import asyncpg
import orjson

from bench.peers.bare import COLUMNS, COUNT, Rejected, faults, new_row, shown

ONE = f"SELECT {COLUMNS} FROM tasks WHERE id = $1"
PAGE = f"SELECT {COLUMNS} FROM tasks WHERE created_by = $1 ORDER BY create_time DESC, id DESC LIMIT $2"
TOTAL = COUNT.replace("%s", "$1")
INSERT = f"INSERT INTO tasks ({COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 1)"
OPTIONS = orjson.OPT_UTC_Z


class AsyncTasks:
    """Tasks in PostgreSQL, answered as JSON."""

    async def connect(self) -> None:
        self._pool = await asyncpg.create_pool(os.environ["DATABASE_URL"], min_size=5, max_size=5)

    async def close(self) -> None:
        await self._pool.close()

    async def get(self, task_id: str, by: str) -> bytes:
        row = await self._pool.fetchrow(ONE, UUID(task_id))
        if row is None:
            raise Rejected(404, "no such task")
        if row[8] != by:
            raise Rejected(403, "not yours")
        return orjson.dumps(shown(row), option=OPTIONS)

    async def page(self, size: int, by: str) -> bytes:
        async with self._pool.acquire() as connection:
            rows = await connection.fetch(PAGE, by, size + 1)
            more = len(rows) > size
            total = await connection.fetchval(TOTAL, by) if more else len(rows)
        after = base64.urlsafe_b64encode(f"{rows[size - 1][6]}|{rows[size - 1][0]}".encode()).decode() if more else None
        answer = {"tasks": [shown(row) for row in rows[:size]], "next_page_token": after, "total_size": total}
        return orjson.dumps(answer, option=OPTIONS)

    async def create(self, body: bytes, by: str) -> tuple[bytes, str]:
        task = orjson.loads(body)["task"]
        if errors := faults(task):
            raise Rejected(400, *errors)
        row = new_row(task, by)
        try:
            await self._pool.execute(INSERT, *row)
        except asyncpg.UniqueViolationError:
            raise Rejected(409, "title taken") from None
        return orjson.dumps(shown(row), option=OPTIONS), f"/v1/tasks/{row[0]}"
