"""The wire form of tasks."""

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar, Final

from app.models.tasks import (
    DESCRIPTION_LENGTH,
    TAG_CHARACTERS,
    TAG_LENGTH,
    TAGS,
    TITLE_LENGTH,
    NewTask,
    Priority,
    Status,
    TaskView,
    same_title,
)
from app.wire import fields, filter_members
from app.wire.parameters import FieldsParameter, MaskParameter
from app.wire.reading import under_way
from app.wire.rules import Breach, Length, Pattern, Printable
from app.wire.schemas.base import Path, QuerySchema, Schema
from app.wire.schemas.lists import ListRules, ListSchema

BATCH: Final = 100


def _repeated(tags: list[Any]) -> dict[int, Breach]:
    """Return a breach for every tag that stands earlier in the list."""
    seen: set[str] = set()
    found = {}
    for index, tag in enumerate(tags):
        if isinstance(tag, str):
            if tag in seen:
                found[index] = Breach("DUPLICATE_TAG", "stands in the list already")
            seen.add(tag)
    return found


_TAG = Pattern(
    f"^{TAG_CHARACTERS}{{1,{TAG_LENGTH}}}$",
    code="INVALID_TAG_FORMAT",
    says=f"must match ^{TAG_CHARACTERS}+$ and have at most {TAG_LENGTH} characters",
)


class TaskSchema(Schema):
    """A task."""

    name = fields.Name("tasks", attribute="id", metadata={"example": "tasks/8c1b2c1e-6f4e-4d4c-9d6e-0d9b6a1f2a33"})
    title = fields.Text(
        required=True,
        validate=[Length(min=1, max=TITLE_LENGTH), Printable()],
        metadata={"example": "Buy milk", "pattern": Printable.LINE},
    )
    description = fields.Text(
        allow_none=True,
        validate=[Length(max=DESCRIPTION_LENGTH), Printable(multiline=True)],
        metadata={"example": "Two litres, for the weekend", "pattern": Printable.TEXT},
    )
    status = fields.EnumName(Status, prefix="STATUS_", default=Status.PENDING, allow_none=True)
    priority = fields.EnumName(Priority, prefix="PRIORITY_", default=Priority.MEDIUM, allow_none=True)
    due_date = fields.Timestamp(future=True, allow_none=True, metadata={"example": "2099-01-31T12:00:00Z"})
    create_time = fields.Timestamp(dump_only=True, metadata={"example": "2026-11-21T09:30:00.000001Z"})
    update_time = fields.Timestamp(dump_only=True, metadata={"example": "2026-11-21T09:30:00.000001Z"})
    created_by = fields.Text(dump_only=True, metadata={"example": "alice"})
    tags = fields.Listed(
        fields.Text(validate=_TAG),
        longest=TAGS,
        check=_repeated,
        allow_none=True,
        metadata={"example": ["home"], "uniqueItems": True},
    )


class NewTaskSchema(TaskSchema):
    """A task to be created."""

    def make(self, values: dict[str, Any]) -> NewTask:
        """Return what was said; what was left out or null is unset."""
        return NewTask(**cleared(values))


class CreateTaskSchema(Schema):
    """The body of a creation."""

    relative_to = "task"
    task = fields.Object(NewTaskSchema, required=True)

    def make(self, values: dict[str, Any]) -> NewTask:
        """Return the task itself."""
        new: NewTask = values["task"]
        return new


class BatchItemSchema(Schema):
    """One item of a batch."""

    task = fields.Object(NewTaskSchema, required=True)


class Batch(fields.Listed):
    """The items of a batch, at least one; titles that are the same are refused on every holder."""

    def too_long(self) -> Breach:
        """Return what to say of too many items."""
        return Breach("BATCH_TOO_LARGE", f"must have at most {self.longest} items")

    def refused(self, value: object) -> Breach | None:
        """Refuse an empty one, too."""
        return Breach("EMPTY_BATCH", "must have at least one item") if value == [] else super().refused(value)


def _comparable(title: str) -> str:
    """Return what makes titles the same; one too long stays as it is, for normalizing may take its length squared."""
    return same_title(title) if len(title) <= TITLE_LENGTH else title


def _same_titles(items: list[Any]) -> list[tuple[Path, Breach]]:
    holders: dict[str, list[int]] = {}
    for index, item in enumerate(items):
        task = item.get("task") if isinstance(item, dict) else None
        title = task.get("title") if isinstance(task, dict) else None
        if isinstance(title, str) and title.strip():
            holders.setdefault(_comparable(title), []).append(index)
    breach = Breach("DUPLICATE_TITLE", "stands in the batch more than once")
    shared = (index for indexes in holders.values() if len(indexes) > 1 for index in indexes)
    return [(("requests", index, "task", "title"), breach) for index in shared]


class CreateTasksSchema(Schema):
    """The body of a batch."""

    requests = Batch(fields.Object(BatchItemSchema), longest=BATCH, required=True, metadata={"minItems": 1})

    def check(self, data: dict[str, Any]) -> list[tuple[Path, Breach]]:
        """Refuse every holder of a title that stands in the batch more than once."""
        items = data.get("requests")
        return _same_titles(items) if isinstance(items, list) and len(items) <= BATCH else []

    def make(self, values: dict[str, Any]) -> list[NewTask]:
        """Return the tasks themselves."""
        return [item["task"] for item in values["requests"]]


class BatchFailureSchema(Schema):
    """An item that was not created."""

    index = fields.Integer()
    problem = fields.Anything(metadata={"type": "object", "description": "The item's own problem document."})


class BatchSchema(Schema):
    """What became of a batch."""

    tasks = fields.Listed(fields.Object(TaskSchema), longest=BATCH)
    failures = fields.Listed(fields.Object(BatchFailureSchema), longest=BATCH)


class TaskListSchema(Schema):
    """A page of tasks."""

    projects = "tasks"

    tasks = fields.Listed(fields.Object(TaskSchema), longest=1000)
    next_page_token = fields.Text(allow_none=True)
    total_size = fields.Integer(
        metadata={"description": "Counted on the first page; -1 when counting took too long.", "minimum": -1}
    )


class DeletedTaskSchema(Schema):
    """What is said of a deleted task."""

    message = fields.Text()


def farewell(task: TaskView) -> str:
    """Return what is said of a deleted task."""
    return f"Task tasks/{task.id} deleted successfully"


WRITABLE: Final = tuple(name for name, field in TaskSchema().fields.items() if not field.dump_only)
READABLE: Final = tuple(TaskSchema().dump_fields)
_CLEARED: Final = {
    each.name: None if each.default is dataclasses.MISSING else each.default for each in dataclasses.fields(NewTask)
}


def cleared(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the members with the default in place of null."""
    return {name: _CLEARED[name] if value is None else value for name, value in data.items()}


class ListTasksSchema(ListSchema):
    """How tasks may be listed."""

    rules: ClassVar = ListRules(
        resource="tasks",
        items=READABLE,
        filterable={
            "title": filter_members.text(),
            "status": filter_members.choice(Status, prefix="STATUS_"),
            "priority": filter_members.choice(Priority, prefix="PRIORITY_", ordered=True),
            "due_date": filter_members.timestamp(nullable=True),
            "create_time": filter_members.timestamp(),
            "update_time": filter_members.timestamp(),
            "created_by": filter_members.text(),
            "tags": filter_members.tags(),
        },
        orderable=("title", "status", "priority", "due_date", "create_time", "update_time"),
        order_by="create_time desc",
        example='status = PENDING AND due_date < "2027-01-01T00:00:00Z"',
    )


class UpdateTaskQuerySchema(QuerySchema):
    """Which members an update sets."""

    update_mask = MaskParameter(WRITABLE)


class UpdateTaskSchema(TaskSchema):
    """The members of a task to be set: those in the mask, else those in the body."""

    due_date = fields.Timestamp(allow_none=True, metadata=TaskSchema().fields["due_date"].metadata)
    """The task itself asks for the future: a due date that has passed may be sent back as it is."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(partial=True, **kwargs)

    def admit(self, data: Any) -> Any:
        """Ignore what is outside the mask, and clear what the mask names and the body lacks."""
        mask = under_way.get().query.get("update_mask")
        if mask is not None and isinstance(data, dict):
            outside = set(WRITABLE) - set(mask)
            data = dict.fromkeys(mask) | {name: value for name, value in data.items() if name not in outside}
        return super().admit(data)

    def make(self, values: dict[str, Any]) -> dict[str, Any]:
        """Return the changes; what is null becomes unset."""
        return cleared(values)


GetTaskQuerySchema = QuerySchema.from_dict({"fields": FieldsParameter(READABLE)}, name="GetTaskQuerySchema")
