"""Litestar with msgspec structs and asyncpg, without an ORM: among the fastest that Python has."""

import base64
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID, uuid4

import asyncpg
import jwt
from litestar import Litestar, Request, Response, get, post
from litestar.exceptions import ClientException, NotAuthorizedException, NotFoundException, PermissionDeniedException
from litestar.params import Parameter
from msgspec import Meta, Struct, field

STATUSES = ("STATUS_PENDING", "STATUS_IN_PROGRESS", "STATUS_COMPLETED", "STATUS_CANCELLED")
PRIORITIES = ("PRIORITY_LOW", "PRIORITY_MEDIUM", "PRIORITY_HIGH", "PRIORITY_CRITICAL")
COLUMNS = "id, title, description, status, priority, due_date, create_time, update_time, created_by, tags"
Status = Annotated[str, Meta(pattern=f"^({'|'.join(STATUSES)})$")]
Priority = Annotated[str, Meta(pattern=f"^({'|'.join(PRIORITIES)})$")]
Tag = Annotated[str, Meta(pattern="^[a-z0-9-]{1,50}$")]


class NewTask(Struct, forbid_unknown_fields=True):
    title: Annotated[str, Meta(min_length=1, max_length=200)]
    description: Annotated[str, Meta(max_length=1000)] | None = None
    status: Status = "STATUS_PENDING"
    priority: Priority = "PRIORITY_MEDIUM"
    due_date: Annotated[datetime, Meta(tz=True)] | None = None
    tags: Annotated[list[Tag], Meta(max_length=10)] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.due_date is not None and self.due_date <= datetime.now(UTC):
            raise ValueError("due_date must be in the future")


class NewTaskBody(Struct):
    task: NewTask


class Task(Struct):
    name: str
    title: str
    description: str | None
    status: str
    priority: str
    due_date: datetime | None
    create_time: datetime
    update_time: datetime
    created_by: str
    tags: list[str]


class Page(Struct):
    tasks: list[Task]
    next_page_token: str | None
    total_size: int


def shown(row: Any) -> Task:
    id_, title, description, status, priority, *rest = row
    return Task(f"tasks/{id_}", title, description, STATUSES[status - 1], PRIORITIES[priority - 1], *rest)


def caller(request: Request) -> str:
    token = request.headers.get("Authorization", "").removeprefix("Bearer ")
    try:
        return jwt.decode(token, os.environ["JWT_SECRET"], algorithms=["HS256"])["sub"]
    except jwt.InvalidTokenError:
        raise NotAuthorizedException from None


@get("/v1/tasks/{task_id:uuid}")
async def read_task(request: Request, task_id: UUID) -> Task:
    user = caller(request)
    row = await request.app.state.pool.fetchrow(f"SELECT {COLUMNS} FROM tasks WHERE id = $1", task_id)
    if row is None:
        raise NotFoundException
    if row["created_by"] != user:
        raise PermissionDeniedException
    return shown(row)


@get("/v1/tasks")
async def list_tasks(request: Request, page_size: Annotated[int, Parameter(ge=1, le=1000)] = 50) -> Page:
    user = caller(request)
    async with request.app.state.pool.acquire() as connection:
        mine = f"SELECT {COLUMNS} FROM tasks WHERE created_by = $1 ORDER BY create_time DESC, id DESC LIMIT $2"
        rows = await connection.fetch(mine, user, page_size + 1)
        total, token = len(rows), None
        if total > page_size:
            total = await connection.fetchval("SELECT count(*) FROM tasks WHERE created_by = $1", user)
            last = rows[page_size - 1]
            token = base64.urlsafe_b64encode(f"{last['create_time']}|{last['id']}".encode()).decode()
    return Page([shown(row) for row in rows[:page_size]], token, total)


@post("/v1/tasks")
async def create_task(request: Request, data: NewTaskBody) -> Response[Task]:
    user, new, now = caller(request), data.task, datetime.now(UTC)
    status, priority = STATUSES.index(new.status) + 1, PRIORITIES.index(new.priority) + 1
    row = (uuid4(), new.title, new.description, status, priority, new.due_date, now, now, user, new.tags)
    insert = f"INSERT INTO tasks ({COLUMNS}, version) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 1)"
    try:
        async with request.app.state.pool.acquire() as connection, connection.transaction():
            await connection.execute(insert, *row)
    except asyncpg.UniqueViolationError:
        raise ClientException("A task with this title already exists", status_code=409) from None
    return Response(shown(row), headers={"Location": f"/v1/tasks/{row[0]}"})


@get("/healthz")
async def healthz() -> dict[str, str]:
    return {"status": "ok"}


@asynccontextmanager
async def connected(app: Litestar) -> AsyncIterator[None]:
    async with asyncpg.create_pool(os.environ["DATABASE_URL"], min_size=5, max_size=5) as app.state.pool:
        yield


app = Litestar([read_task, list_tasks, create_task, healthz], lifespan=[connected], openapi_config=None)
