"""Flask without anything else around the work: the limit for every Flask application."""

import os

from flask import Flask, Response, request
from psycopg_pool import ConnectionPool

from bench.peers.bare import Rejected, Tasks, subject

app = Flask(__name__)
pool = ConnectionPool(os.environ["DATABASE_URL"], min_size=5, max_size=5, kwargs={"autocommit": True}, open=True)
tasks = Tasks(pool.connection)


def caller() -> str:
    return subject(request.headers.get("Authorization", ""))


@app.get("/v1/tasks/<task_id>")
def get_task(task_id: str) -> Response:
    return Response(tasks.get(task_id, caller()), mimetype="application/json")


@app.get("/v1/tasks")
def list_tasks() -> Response:
    size = request.args.get("page_size", 50, type=int)
    return Response(tasks.page(size, caller()), mimetype="application/json")


@app.post("/v1/tasks")
def create_task() -> Response:
    body, location = tasks.create(request.get_data(), caller())
    return Response(body, 201, {"Location": location}, mimetype="application/json")


@app.get("/healthz")
def healthz() -> Response:
    return Response(b'{"status":"ok"}', mimetype="application/json")


@app.errorhandler(Rejected)
def reject(rejected: Rejected) -> Response:
    return Response(rejected.body, rejected.status, mimetype="application/json")
