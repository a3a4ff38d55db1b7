"""The schemas of tasks."""

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
from app.wire import fields, filter_types
from app.wire.decode_context import under_way
from app.wire.list_parameters import FieldsParameter, MaskParameter
from app.wire.schemas.base import ITEM_PROBLEM, Path, QuerySchema, Schema
from app.wire.schemas.batches import Batch
from app.wire.schemas.lists import ListRules, ListSchema
from app.wire.validators import Breach, Length, Pattern, Printable

BATCH: Final = 100
EXAMPLE_ID: Final = "8c1b2c1e-6f4e-4d4c-9d6e-0d9b6a1f2a33"


def _repeated(tags: list[Any]) -> dict[int, Breach]:
    """Return a breach for every tag that is already earlier in the list."""
    breach = Breach("DUPLICATE_TAG", "is already in the list")
    return {index: breach for index, tag in enumerate(tags) if isinstance(tag, str) and tag in tags[:index]}


_TAG = Pattern(
    f"^{TAG_CHARACTERS}{{1,{TAG_LENGTH}}}$",
    code="INVALID_TAG_FORMAT",
    message=f"must match ^{TAG_CHARACTERS}+$ and have at most {TAG_LENGTH} characters",
)


def _status(**kwargs: Any) -> fields.EnumName[Status]:
    metadata = {"description": "The state of the task."}
    return fields.EnumName(Status, prefix="STATUS_", default=Status.PENDING, metadata=metadata, **kwargs)


def _priority(**kwargs: Any) -> fields.EnumName[Priority]:
    metadata = {"description": "The urgency of the task."}
    return fields.EnumName(Priority, prefix="PRIORITY_", default=Priority.MEDIUM, metadata=metadata, **kwargs)


def _tags(**kwargs: Any) -> fields.Listed:
    metadata = {"example": ["home"], "uniqueItems": True, "description": "Labels, each at most once."}
    return fields.Listed(fields.Text(validate=_TAG), longest=TAGS, check=_repeated, metadata=metadata, **kwargs)


class TaskSchema(Schema):
    """A task."""

    name = fields.Name(
        "tasks",
        attribute="id",
        metadata={"example": f"tasks/{EXAMPLE_ID}", "description": "The resource name (AIP-122)."},
    )
    title = fields.Text(
        required=True,
        validate=[Length(min=1, max=TITLE_LENGTH), Printable()],
        metadata={
            "example": "Buy milk",
            "pattern": Printable.LINE,
            "description": "Unique among the tasks of the owner.",
        },
    )
    description = fields.Text(
        allow_none=True,
        validate=[Length(max=DESCRIPTION_LENGTH), Printable(multiline=True)],
        metadata={
            "example": "Two litres, for the weekend",
            "pattern": Printable.TEXT,
            "description": "More about the task.",
        },
    )
    status = _status()
    priority = _priority()
    due_date = fields.Timestamp(
        future=True,
        allow_none=True,
        metadata={"example": "2099-01-31T12:00:00Z", "description": "When the task is due."},
    )
    create_time = fields.Timestamp(
        dump_only=True,
        metadata={"example": "2026-11-21T09:30:00.000001Z", "description": "When the task was created."},
    )
    update_time = fields.Timestamp(
        dump_only=True,
        metadata={"example": "2026-11-21T09:30:00.000001Z", "description": "When the task was last changed."},
    )
    created_by = fields.Text(
        dump_only=True, metadata={"example": "alice", "description": "The owner, by the subject of the token."}
    )
    tags = _tags()


class TaskInputSchema(TaskSchema):
    """A task in a request. Null means the default."""

    status = _status(allow_none=True)
    priority = _priority(allow_none=True)
    tags = _tags(allow_none=True)


class TaskCreateSchema(TaskInputSchema):
    """A task to create."""

    def make(self, values: dict[str, Any]) -> NewTask:
        """Return the task. Omitted and null properties are unset."""
        return NewTask(**cleared(values))


class CreateTaskRequestSchema(Schema):
    """The body of a request that creates a task."""

    relative_to = "task"
    task = fields.Object(TaskCreateSchema, required=True, metadata={"description": "The task."})

    def make(self, values: dict[str, Any]) -> Any:
        """Return the task itself, a ``NewTask``."""
        return values["task"]


class BatchCreateItemSchema(Schema):
    """One item of a batch."""

    task = fields.Object(TaskCreateSchema, required=True, metadata={"description": "The task."})


def _comparable(title: str) -> str:
    """Return the title for comparisons. A title that is too long is unchanged, because normalizing it can be slow."""
    return same_title(title) if len(title) <= TITLE_LENGTH else title


def _same_titles(items: list[Any]) -> list[tuple[Path, Breach]]:
    holders: dict[str, list[int]] = {}
    for index, item in enumerate(items):
        task = item.get("task") if isinstance(item, dict) else None
        title = task.get("title") if isinstance(task, dict) else None
        if isinstance(title, str) and title.strip():
            holders.setdefault(_comparable(title), []).append(index)
    breach = Breach("DUPLICATE_TITLE", "is in the batch more than once")
    shared = (index for indexes in holders.values() if len(indexes) > 1 for index in indexes)
    return [(("requests", index, "task", "title"), breach) for index in shared]


class BatchCreateTasksRequestSchema(Schema):
    """The body of a request that creates a batch of tasks."""

    requests = Batch(
        fields.Object(BatchCreateItemSchema),
        longest=BATCH,
        required=True,
        metadata={"minItems": 1, "description": "The tasks to create."},
    )

    def check(self, data: dict[str, Any]) -> list[tuple[Path, Breach]]:
        """Reject all items whose title is in the batch more than once."""
        items = data.get("requests")
        return _same_titles(items) if isinstance(items, list) and len(items) <= BATCH else []

    def make(self, values: dict[str, Any]) -> list[NewTask]:
        """Return the tasks themselves."""
        return [item["task"] for item in values["requests"]]


class BatchFailureSchema(Schema):
    """An item that was not created."""

    index = fields.Integer(metadata={"description": "The position in `requests`, from 0.", "maximum": BATCH - 1})
    problem = fields.Anything(metadata={"allOf": [ITEM_PROBLEM], "description": "The problem document of the item."})


class TaskBatchSchema(Schema):
    """The result of a batch."""

    tasks = fields.Listed(
        fields.Object(TaskSchema), longest=BATCH, metadata={"description": "The tasks that were created."}
    )
    failures = fields.Listed(
        fields.Object(BatchFailureSchema), longest=BATCH, metadata={"description": "The items that were not created."}
    )


class TaskListSchema(Schema):
    """A page of tasks."""

    projects = "tasks"

    tasks = fields.Listed(fields.Object(TaskSchema), longest=1000, metadata={"description": "The tasks of the page."})
    next_page_token = fields.Text(
        allow_none=True, metadata={"description": "`page_token` of the next page; null on the last page."}
    )
    total_size = fields.Integer(
        metadata={
            "description": "The items of all pages, counted on the first page; -1 if counting takes too long.",
            "minimum": -1,
        }
    )


class DeletedTaskSchema(Schema):
    """The confirmation of a deletion."""

    message = fields.Text(metadata={"description": "A sentence for people."})


def deleted(task: TaskView) -> str:
    """Return the confirmation of a deletion."""
    return f"Task tasks/{task.id} deleted successfully"


WRITABLE: Final = tuple(name for name, field in TaskSchema().fields.items() if not field.dump_only)
READABLE: Final = tuple(TaskSchema().dump_fields)
_CLEARED: Final = {
    each.name: None if each.default is dataclasses.MISSING else each.default for each in dataclasses.fields(NewTask)
}


def cleared(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the properties with the default in place of null."""
    return {name: _CLEARED[name] if value is None else value for name, value in data.items()}


class ListTasksSchema(ListSchema):
    """The query parameters of the list of tasks."""

    rules: ClassVar = ListRules(
        resource="tasks",
        items=READABLE,
        filterable={
            "title": filter_types.text(),
            "status": filter_types.choice(Status, prefix="STATUS_"),
            "priority": filter_types.choice(Priority, prefix="PRIORITY_", ordered=True),
            "due_date": filter_types.timestamp(nullable=True),
            "create_time": filter_types.timestamp(),
            "update_time": filter_types.timestamp(),
            "created_by": filter_types.text(),
            "tags": filter_types.tags(),
        },
        orderable=("title", "status", "priority", "due_date", "create_time", "update_time"),
        order_by="create_time desc",
        example='status = PENDING AND due_date < "2027-01-01T00:00:00Z"',
    )


class UpdateTaskQuerySchema(QuerySchema):
    """The query parameters of an update."""

    update_mask = MaskParameter(WRITABLE)


class TaskUpdateSchema(TaskInputSchema):
    """The properties of a task to set: from the mask, otherwise from the body."""

    due_date = fields.Timestamp(allow_none=True, metadata=TaskSchema().fields["due_date"].metadata)
    """The model checks that a new due date is in the future. Clients can send a past due date back unchanged."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(partial=True, **kwargs)

    def admit(self, data: Any) -> Any:
        """Ignore properties outside the mask, and clear properties that are in the mask but not in the body."""
        mask = under_way.get().query.get("update_mask")
        if mask is not None and isinstance(data, dict):
            outside = set(WRITABLE) - set(mask)
            data = dict.fromkeys(mask) | {name: value for name, value in data.items() if name not in outside}
        return super().admit(data)

    def make(self, values: dict[str, Any]) -> dict[str, Any]:
        """Return the changes. Null properties become unset."""
        return cleared(values)


GetTaskQuerySchema = QuerySchema.from_dict({"fields": FieldsParameter(READABLE)}, name="GetTaskQuerySchema")
