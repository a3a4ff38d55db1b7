"""One valid request for every method; tests over all methods start with these."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from flask import Flask
from google.protobuf.message import Message

from app.rpc.gen.todo.v1 import todo_pb2 as pb
from tests.resources import grpc

NAME: Final = "tasks/8c1b2c1e-6f4e-4d4c-9d6e-0d9b6a1f2a33"
TASK: Final = pb.Task(name=NAME, title="Sample")
TASKS: Final[Mapping[str, Message]] = {
    "CreateTask": pb.CreateTaskRequest(task=TASK),
    "GetTask": pb.GetTaskRequest(name=NAME),
    "ListTasks": pb.ListTasksRequest(),
    "UpdateTask": pb.UpdateTaskRequest(task=TASK),
    "DeleteTask": pb.DeleteTaskRequest(name=NAME),
    "BatchCreateTasks": pb.BatchCreateTasksRequest(requests=[pb.CreateTaskRequest(task=TASK)]),
}
REQUESTS: Final[Mapping[str, Message]] = {**TASKS, **grpc.requests()}
"""By method. Those of generated resources follow from the protocol and the sample of their tests."""
PREREQUISITES: Final[Sequence[Callable[[Flask], None]]] = (grpc.store_references,)
"""Functions that store the resources that requests refer to."""
