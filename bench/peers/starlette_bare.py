"""Starlette without anything else around the work: the limit for every application on it, FastAPI included."""

from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from bench.peers.bare import Rejected, subject
from bench.peers.bare_async import AsyncTasks

tasks = AsyncTasks()


def json(body, status=200, headers=None):
    return Response(body, status, headers, media_type="application/json")


def caller(request):
    return subject(request.headers.get("authorization", ""))


async def get_task(request):
    return json(await tasks.get(request.path_params["task_id"], caller(request)))


async def list_tasks(request):
    return json(await tasks.page(int(request.query_params.get("page_size", 50)), caller(request)))


async def create_task(request):
    by = caller(request)
    body, location = await tasks.create(await request.body(), by)
    return json(body, 201, {"Location": location})


async def healthz(request):
    return json(b'{"status":"ok"}')


async def reject(request, rejected):
    return json(rejected.body, rejected.status)


@asynccontextmanager
async def connected(app):
    await tasks.connect()
    yield
    await tasks.close()


app = Starlette(
    routes=[
        Route("/v1/tasks/{task_id}", get_task),
        Route("/v1/tasks", list_tasks),
        Route("/v1/tasks", create_task, methods=["POST"]),
        Route("/healthz", healthz),
    ],
    exception_handlers={Rejected: reject},
    lifespan=connected,
)
