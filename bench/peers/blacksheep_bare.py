"""BlackSheep, which is written in Cython, without anything else around the work."""

from blacksheep import Application, Content, Request, Response

from bench.peers.bare import Rejected, subject
from bench.peers.bare_async import AsyncTasks

app = Application(show_error_details=False)
tasks = AsyncTasks()


def json(body, status=200, headers=None):
    return Response(status, headers, Content(b"application/json", body))


def caller(request):
    return subject((request.get_first_header(b"authorization") or b"").decode())


@app.router.get("/v1/tasks/{task_id}")
async def get_task(request: Request):
    return json(await tasks.get(request.route_values["task_id"], caller(request)))


@app.router.get("/v1/tasks")
async def list_tasks(request: Request):
    size = int(request.query.get("page_size", ["50"])[0])
    return json(await tasks.page(size, caller(request)))


@app.router.post("/v1/tasks")
async def create_task(request: Request):
    body, location = await tasks.create(await request.read(), caller(request))
    return json(body, 201, [(b"Location", location.encode())])


@app.router.get("/healthz")
async def healthz(request: Request):
    return json(b'{"status":"ok"}')


@app.exception_handler(Rejected)
async def reject(self, request, rejected: Rejected):
    return json(rejected.body, rejected.status)


@app.on_start
async def connect(_app):
    await tasks.connect()


@app.on_stop
async def close(_app):
    await tasks.close()
