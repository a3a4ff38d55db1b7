"""The baseline over gRPC: two bare handlers under grpcio's own server. ``python -m bench.peers.baseline_rpc PORT``."""

import os
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
from psycopg_pool import ConnectionPool

from app.rpc.gen.todo.v1 import todo_pb2 as pb
from app.rpc.gen.todo.v1.todo_pb2_grpc import TodoServiceServicer, add_TodoServiceServicer_to_server
from bench.peers.bare import Rejected, Row, Tasks, subject

THREADS = 16
CODES = {401: grpc.StatusCode.UNAUTHENTICATED, 403: grpc.StatusCode.PERMISSION_DENIED, 404: grpc.StatusCode.NOT_FOUND}


def shown(row: Row) -> pb.Task:
    task = pb.Task(
        name=f"tasks/{row[0]}",
        title=row[1],
        description=row[2],
        status=row[3],
        priority=row[4],
        created_by=row[8],
        tags=row[9],
        create_time=row[6],
        update_time=row[7],
    )
    if row[5] is not None:
        task.due_date.FromDatetime(row[5])
    return task


class Todo(TodoServiceServicer):
    def __init__(self, tasks: Tasks) -> None:
        self._tasks = tasks

    def GetTask(self, request: pb.GetTaskRequest, context: grpc.ServicerContext) -> pb.Task:  # noqa: N802
        return shown(self._as_caller(context, lambda by: self._tasks.row(request.name.removeprefix("tasks/"), by)))

    def ListTasks(self, request: pb.ListTasksRequest, context: grpc.ServicerContext) -> pb.ListTasksResponse:  # noqa: N802
        rows, after, total = self._as_caller(context, lambda by: self._tasks.rows(request.page_size, by))
        return pb.ListTasksResponse(tasks=map(shown, rows), next_page_token=after or "", total_size=total)

    def _as_caller(self, context: grpc.ServicerContext, work: Callable[[str], Any]) -> Any:
        try:
            return work(subject(str(dict(context.invocation_metadata()).get("authorization", ""))))
        except Rejected as rejected:
            context.abort(CODES[rejected.status], "rejected")


def main(port: str) -> None:
    pool = ConnectionPool(os.environ["DATABASE_URL"], min_size=5, max_size=5, kwargs={"autocommit": True}, open=True)
    server = grpc.server(ThreadPoolExecutor(THREADS))
    add_TodoServiceServicer_to_server(Todo(Tasks(pool.connection)), server)  # type: ignore[no-untyped-call]
    server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    server.wait_for_termination()


if __name__ == "__main__":
    main(sys.argv[1])
