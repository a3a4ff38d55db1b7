"""flask-smorest, marshmallow and Flask-SQLAlchemy's ORM, as in their manuals."""

import base64
import os
from datetime import UTC, datetime
from functools import wraps
from uuid import UUID, uuid4

import jwt
import marshmallow as ma
import sqlalchemy as sa
from flask import Flask, g, request
from flask.views import MethodView
from flask_smorest import Api, Blueprint, abort
from flask_sqlalchemy import SQLAlchemy
from marshmallow import validate
from sqlalchemy.orm import Mapped, mapped_column

STATUSES = ("STATUS_PENDING", "STATUS_IN_PROGRESS", "STATUS_COMPLETED", "STATUS_CANCELLED")
PRIORITIES = ("PRIORITY_LOW", "PRIORITY_MEDIUM", "PRIORITY_HIGH", "PRIORITY_CRITICAL")

app = Flask(__name__)
app.config.update(
    API_TITLE="Tasks",
    API_VERSION="v1",
    OPENAPI_VERSION="3.0.3",
    SQLALCHEMY_DATABASE_URI=os.environ["DATABASE_URL"].replace("postgresql://", "postgresql+psycopg://"),
    SQLALCHEMY_ENGINE_OPTIONS={"pool_size": 5},
)
db = SQLAlchemy(app)
api = Api(app)
blp = Blueprint("tasks", "tasks", url_prefix="/v1/tasks")


class Task(db.Model):
    __tablename__ = "tasks"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    title: Mapped[str]
    description: Mapped[str | None]
    status: Mapped[int] = mapped_column(sa.SmallInteger)
    priority: Mapped[int] = mapped_column(sa.SmallInteger)
    due_date: Mapped[datetime | None] = mapped_column(sa.DateTime(timezone=True))
    create_time: Mapped[datetime] = mapped_column(sa.DateTime(timezone=True))
    update_time: Mapped[datetime] = mapped_column(sa.DateTime(timezone=True))
    created_by: Mapped[str]
    tags: Mapped[list[str]] = mapped_column(sa.ARRAY(sa.Text))
    version: Mapped[int] = mapped_column(default=1)

    @property
    def name(self):
        return f"tasks/{self.id}"


class NumberedName(ma.fields.Field):
    """A name, kept as its number."""

    def __init__(self, names, **kwargs):
        super().__init__(**kwargs)
        self.names = names

    def _serialize(self, value, attr, obj, **kwargs):
        return self.names[value - 1]

    def _deserialize(self, value, attr, data, **kwargs):
        if value not in self.names:
            raise ma.ValidationError(f"Must be one of: {', '.join(self.names)}.")
        return self.names.index(value) + 1


def in_the_future(value):
    if value <= datetime.now(UTC):
        raise ma.ValidationError("Must lie in the future.")


class TaskSchema(ma.Schema):
    name = ma.fields.String(dump_only=True)
    title = ma.fields.String(required=True, validate=validate.Length(min=1, max=200))
    description = ma.fields.String(load_default=None, validate=validate.Length(max=1000))
    status = NumberedName(STATUSES, load_default=1)
    priority = NumberedName(PRIORITIES, load_default=2)
    due_date = ma.fields.AwareDateTime(load_default=None, validate=in_the_future)
    create_time = ma.fields.AwareDateTime(dump_only=True)
    update_time = ma.fields.AwareDateTime(dump_only=True)
    created_by = ma.fields.String(dump_only=True)
    tags = ma.fields.List(
        ma.fields.String(validate=validate.Regexp("^[a-z0-9-]{1,50}$")),
        load_default=list,
        validate=validate.Length(max=10),
    )


class NewTaskSchema(ma.Schema):
    task = ma.fields.Nested(TaskSchema, required=True)


class PageSchema(ma.Schema):
    tasks = ma.fields.List(ma.fields.Nested(TaskSchema))
    next_page_token = ma.fields.String(allow_none=True)
    total_size = ma.fields.Integer()


class ListSchema(ma.Schema):
    page_size = ma.fields.Integer(load_default=50, validate=validate.Range(min=1, max=1000))


def login_required(view):
    @wraps(view)
    def guarded(*args, **kwargs):
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        try:
            g.user = jwt.decode(token, os.environ["JWT_SECRET"], algorithms=["HS256"])["sub"]
        except jwt.InvalidTokenError:
            abort(401, message="Invalid token.")
        return view(*args, **kwargs)

    return guarded


@blp.route("")
class Tasks(MethodView):
    decorators = [login_required]

    @blp.arguments(ListSchema, location="query")
    @blp.response(200, PageSchema)
    def get(self, args):
        mine = sa.select(Task).where(Task.created_by == g.user)
        ordered = mine.order_by(Task.create_time.desc(), Task.id.desc()).limit(args["page_size"] + 1)
        tasks = db.session.scalars(ordered).all()
        total, more = len(tasks), len(tasks) > args["page_size"]
        tasks = tasks[: args["page_size"]]
        token = None
        if more:
            total = db.session.scalar(sa.select(sa.func.count()).select_from(mine.subquery()))
            token = base64.urlsafe_b64encode(f"{tasks[-1].create_time}|{tasks[-1].id}".encode()).decode()
        return {"tasks": tasks, "next_page_token": token, "total_size": total}

    @blp.arguments(NewTaskSchema)
    @blp.response(201, TaskSchema)
    def post(self, body):
        new, now = body["task"], datetime.now(UTC)
        task = Task(id=uuid4(), create_time=now, update_time=now, created_by=g.user, **new)
        db.session.add(task)
        try:
            db.session.commit()
        except sa.exc.IntegrityError:
            abort(409, message="A task with this title already exists.")
        return task, {"Location": f"/v1/{task.name}"}


@blp.route("/<uuid:task_id>")
class TaskById(MethodView):
    decorators = [login_required]

    @blp.response(200, TaskSchema)
    def get(self, task_id):
        task = db.session.get(Task, task_id) or abort(404, message="No such task.")
        if task.created_by != g.user:
            abort(403, message="Not yours.")
        return task


api.register_blueprint(blp)


@app.get("/healthz")
def healthz():
    return {"status": "ok"}
