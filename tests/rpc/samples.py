"""One valid request for every method; tests over all methods start with these."""

from collections.abc import Callable, Mapping
from typing import Final

from flask import Flask
from google.protobuf.message import Message

from app.rpc.gen.todo.v1 import todo_pb2 as pb

NAME: Final = "tasks/8c1b2c1e-6f4e-4d4c-9d6e-0d9b6a1f2a33"
TASK: Final = pb.Task(name=NAME, title="Sample")
REQUESTS: Final[Mapping[str, Message]] = {
    "CreateTask": pb.CreateTaskRequest(task=TASK),
    "GetTask": pb.GetTaskRequest(name=NAME),
    "ListTasks": pb.ListTasksRequest(),
    "UpdateTask": pb.UpdateTaskRequest(task=TASK),
    "DeleteTask": pb.DeleteTaskRequest(name=NAME),
    "BatchCreateTasks": pb.BatchCreateTasksRequest(requests=[pb.CreateTaskRequest(task=TASK)]),
}
PREREQUISITES: Final[Mapping[str, Callable[[Flask], None]]] = {}
"""Functions that store the resources that a request refers to, by method."""
