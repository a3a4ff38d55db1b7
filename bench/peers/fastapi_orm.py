"""FastAPI with pydantic models and SQLAlchemy's async ORM on asyncpg, as in its manual."""

import base64
import os
from datetime import UTC, datetime
from enum import Enum
from typing import Annotated
from uuid import UUID, uuid4

import jwt
import sqlalchemy as sa
from fastapi import Depends, FastAPI, HTTPException, Query, Response
from fastapi.security import OAuth2PasswordBearer
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, field_validator
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

engine = create_async_engine(os.environ["DATABASE_URL"].replace("postgresql://", "postgresql+asyncpg://"), pool_size=5)
make_session = async_sessionmaker(engine, expire_on_commit=False)
app = FastAPI(title="Tasks")
oauth2_scheme = OAuth2PasswordBearer(tokenUrl="token")

STATUSES = ("STATUS_PENDING", "STATUS_IN_PROGRESS", "STATUS_COMPLETED", "STATUS_CANCELLED")
PRIORITIES = ("PRIORITY_LOW", "PRIORITY_MEDIUM", "PRIORITY_HIGH", "PRIORITY_CRITICAL")
Status = Enum("Status", {name: name for name in STATUSES}, type=str)
Priority = Enum("Priority", {name: name for name in PRIORITIES}, type=str)


class Base(DeclarativeBase):
    pass


class Task(Base):
    __tablename__ = "tasks"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    title: Mapped[str]
    description: Mapped[str | None]
    status_number: Mapped[int] = mapped_column("status", sa.SmallInteger)
    priority_number: Mapped[int] = mapped_column("priority", sa.SmallInteger)
    due_date: Mapped[datetime | None] = mapped_column(sa.DateTime(timezone=True))
    create_time: Mapped[datetime] = mapped_column(sa.DateTime(timezone=True))
    update_time: Mapped[datetime] = mapped_column(sa.DateTime(timezone=True))
    created_by: Mapped[str]
    tags: Mapped[list[str]] = mapped_column(sa.ARRAY(sa.Text))
    version: Mapped[int] = mapped_column(default=1)

    @property
    def name(self):
        return f"tasks/{self.id}"

    @property
    def status(self):
        return STATUSES[self.status_number - 1]

    @property
    def priority(self):
        return PRIORITIES[self.priority_number - 1]


class NewTask(BaseModel):
    model_config = ConfigDict(extra="forbid")

    title: str = Field(min_length=1, max_length=200)
    description: str | None = Field(default=None, max_length=1000)
    status: Status = Status.STATUS_PENDING
    priority: Priority = Priority.PRIORITY_MEDIUM
    due_date: AwareDatetime | None = None
    tags: list[Annotated[str, Field(pattern="^[a-z0-9-]{1,50}$")]] = Field(default=[], max_length=10)

    @field_validator("due_date")
    @classmethod
    def in_the_future(cls, value):
        if value is not None and value <= datetime.now(UTC):
            raise ValueError("must be in the future")
        return value


class NewTaskBody(BaseModel):
    task: NewTask


class TaskView(BaseModel):
    model_config = ConfigDict(from_attributes=True)

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


class Page(BaseModel):
    tasks: list[TaskView]
    next_page_token: str | None
    total_size: int


async def get_session():
    async with make_session() as session:
        yield session


async def get_user(token: Annotated[str, Depends(oauth2_scheme)]) -> str:
    try:
        return jwt.decode(token, os.environ["JWT_SECRET"], algorithms=["HS256"])["sub"]
    except jwt.InvalidTokenError:
        raise HTTPException(401, "Could not validate credentials") from None


Session = Annotated[AsyncSession, Depends(get_session)]
User = Annotated[str, Depends(get_user)]


@app.get("/v1/tasks/{task_id}")
async def read_task(task_id: UUID, session: Session, user: User) -> TaskView:
    task = await session.get(Task, task_id)
    if task is None:
        raise HTTPException(404, "No such task")
    if task.created_by != user:
        raise HTTPException(403, "Not yours")
    return task


@app.get("/v1/tasks")
async def list_tasks(session: Session, user: User, page_size: Annotated[int, Query(ge=1, le=1000)] = 50) -> Page:
    mine = sa.select(Task).where(Task.created_by == user)
    ordered = mine.order_by(Task.create_time.desc(), Task.id.desc()).limit(page_size + 1)
    tasks = (await session.scalars(ordered)).all()
    total, token = len(tasks), None
    if total > page_size:
        total = await session.scalar(sa.select(sa.func.count()).select_from(mine.subquery()))
        last = tasks[page_size - 1]
        token = base64.urlsafe_b64encode(f"{last.create_time}|{last.id}".encode()).decode()
    shown = [TaskView.model_validate(task) for task in tasks[:page_size]]
    return Page(tasks=shown, next_page_token=token, total_size=total)


@app.post("/v1/tasks", status_code=201)
async def create_task(body: NewTaskBody, session: Session, user: User, response: Response) -> TaskView:
    new, now = body.task.model_dump(exclude={"status", "priority"}), datetime.now(UTC)
    task = Task(
        id=uuid4(),
        status_number=STATUSES.index(body.task.status) + 1,
        priority_number=PRIORITIES.index(body.task.priority) + 1,
        create_time=now,
        update_time=now,
        created_by=user,
        **new,
    )
    session.add(task)
    try:
        await session.commit()
    except sa.exc.IntegrityError:
        raise HTTPException(409, "A task with this title already exists") from None
    response.headers["Location"] = f"/v1/{task.name}"
    return task


@app.get("/healthz")
async def healthz() -> dict[str, str]:
    return {"status": "ok"}
