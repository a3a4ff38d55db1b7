"""What can go wrong with tasks."""

from app.errs import curl_examples
from app.errs.error import Error
from app.errs.kinds import Kind

_INSTANCE = "/v1/tasks/8c1b2c1e-6f4e-4d4c-9d6e-0d9b6a1f2a33"


class TaskNotFound(Error):
    """There is no such task."""

    kind = Kind.NOT_EXIST
    code = "TASK_NOT_FOUND"
    client = "Check the id; the task may have been deleted."
    operator = "Nothing to do."
    since = "0.1.0"
    instance = _INSTANCE
    curl = f"curl -i '{{url}}{_INSTANCE}' {curl_examples.BEARER}"


class NotTaskOwner(Error):
    """The task belongs to somebody else.

    The answer is an empty 403 without a challenge: another scope would not help, since the task is not the caller's.
    """

    kind = Kind.UNAUTHORIZED
    code = "NOT_TASK_OWNER"
    client = "Use the token of the task's creator, or of an admin."
    operator = "Many of these from one caller look like somebody trying out ids."
    since = "0.1.0"
    instance = _INSTANCE
    curl = (
        curl_examples.created("TASK")
        + f"""curl -i "{{url}}/v1/$TASK" {curl_examples.issued("--subject somebody-else --scope tasks")}"""
    )


class TaskTitleTaken(Error):
    """A task of yours already bears this title.

    Titles are unique per owner, compared after Unicode normalization (NFC) and trimming; letters keep their case.
    """

    kind = Kind.EXIST
    code = "TASK_TITLE_TAKEN"
    client = "Choose another title, or update the existing task."
    operator = "Nothing to do."
    since = "0.1.0"
    param = "title"
    curl = curl_examples.twice(curl_examples.SEND + """ -d '{"task": {"title": "Buy milk"}}'""")


class BatchFailed(Error):
    """No item of the batch could be created.

    Every item failed by itself, and ``failures`` lists each with its own problem document.
    """

    kind = Kind.EXIST
    code = "BATCH_FAILED"
    message = "None of the {count} items was created."
    client = "See failures: each names the item's index and its problem."
    operator = "Nothing to do."
    since = "0.1.0"
    instance = "/v1/tasks:batchCreate"
    count: int
    example = {"count": 1, "failures": ((0, TaskTitleTaken()),)}
    curl = curl_examples.twice(
        curl_examples.SEND.replace("/v1/tasks", instance) + """ -d '{"requests": [{"task": {"title": "Buy milk"}}]}'"""
    )
