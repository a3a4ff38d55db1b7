"""Errors of tasks."""

from app.errs import curl_examples
from app.errs.error import Error
from app.errs.kinds import Kind

_INSTANCE = "/v1/tasks/8c1b2c1e-6f4e-4d4c-9d6e-0d9b6a1f2a33"


class TaskNotFound(Error):
    """The task does not exist."""

    kind = Kind.NOT_EXIST
    code = "TASK_NOT_FOUND"
    client = "Check the ID. The task may have been deleted."
    operator = "No action is needed."
    since = "0.1.0"
    instance = _INSTANCE
    curl = f"curl -i '{{url}}{_INSTANCE}' {curl_examples.BEARER}"


class NotTaskOwner(Error):
    """The task belongs to another user.

    The response is a 403 without a body and without a challenge, because another scope does not help.
    """

    kind = Kind.UNAUTHORIZED
    code = "NOT_TASK_OWNER"
    client = "Use the token of the task's creator, or of an admin."
    operator = "Many of these errors from one caller can mean that it guesses IDs."
    since = "0.1.0"
    instance = _INSTANCE
    curl = (
        curl_examples.created("TASK")
        + f"""curl -i "{{url}}/v1/$TASK" {curl_examples.issued("--subject mallory --scope tasks")}"""
    )


class TaskTitleTaken(Error):
    """You already have a task with this title.

    Titles are unique per owner. They are compared after Unicode normalization (NFC) and trimming, and are
    case-sensitive.
    """

    kind = Kind.EXIST
    code = "TASK_TITLE_TAKEN"
    client = "Choose another title, or update the existing task."
    operator = "No action is needed."
    since = "0.1.0"
    param = "title"
    curl = curl_examples.twice(curl_examples.SEND + """ -d '{"task": {"title": "Buy milk"}}'""")


class BatchFailed(Error):
    """No item of the batch was created.

    Every item failed. ``failures`` lists each item with its problem document.
    """

    kind = Kind.EXIST
    code = "BATCH_FAILED"
    message = "None of the {count} items was created."
    client = "Read failures. Each entry has the index of the item and its problem."
    operator = "No action is needed."
    since = "0.1.0"
    instance = "/v1/tasks:batchCreate"
    count: int
    example = {"count": 1, "failures": ((0, TaskTitleTaken()),)}
    curl = curl_examples.twice(
        curl_examples.SEND.replace("/v1/tasks", instance) + """ -d '{"requests": [{"task": {"title": "Buy milk"}}]}'"""
    )
