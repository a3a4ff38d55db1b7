"""Falcon without anything else around the work."""

import os

import falcon
from psycopg_pool import ConnectionPool

from bench.peers.bare import Rejected, Tasks, subject

pool = ConnectionPool(os.environ["DATABASE_URL"], min_size=5, max_size=5, kwargs={"autocommit": True}, open=True)
tasks = Tasks(pool.connection)


class TaskResource:
    def on_get(self, req, resp, task_id):
        resp.data = tasks.get(task_id, subject(req.get_header("Authorization") or ""))


class TasksResource:
    def on_get(self, req, resp):
        size = req.get_param_as_int("page_size", default=50)
        resp.data = tasks.page(size, subject(req.get_header("Authorization") or ""))

    def on_post(self, req, resp):
        by = subject(req.get_header("Authorization") or "")
        resp.data, resp.location = tasks.create(req.bounded_stream.read(), by)
        resp.status = falcon.HTTP_201


class HealthResource:
    def on_get(self, req, resp):
        resp.data = b'{"status":"ok"}'


def reject(req, resp, rejected, params):
    resp.status, resp.data = rejected.status, rejected.body


app = falcon.App()
app.add_route("/v1/tasks", TasksResource())
app.add_route("/v1/tasks/{task_id}", TaskResource())
app.add_route("/healthz", HealthResource())
app.add_error_handler(Rejected, reject)
