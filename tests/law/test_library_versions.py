"""Flask, Werkzeug and gunicorn have the versions that the fast ways were compared with; others take the slow way."""

import hashlib
import inspect
import json
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import pytest
from flask import Flask
from flask.ctx import AppContext, RequestContext
from gunicorn.workers.gthread import ThreadWorker
from werkzeug.sansio.request import Request as AnyRequest
from werkzeug.sansio.response import Response as AnyResponse
from werkzeug.wrappers import Request, Response

from app.config import ROOT
from app.library_versions import COMPARED

STEPS: Final[dict[Callable[..., Any], str]] = {
    Flask.wsgi_app: "b813e40b29d1",
    Flask.full_dispatch_request: "70d46cf2d53c",
    Flask.preprocess_request: "74a4cb2d980d",
    Flask.dispatch_request: "62c7e9d15772",
    Flask.finalize_request: "c1bcdc5b112f",
    Flask.process_response: "8f4afb5f9ec8",
    Flask.handle_user_exception: "a0657e4e84d5",
    Flask.handle_http_exception: "03fb4842d387",
    Flask.do_teardown_request: "8c25313693d2",
    Flask.do_teardown_appcontext: "172c4f5e8ac1",
    Flask.create_url_adapter: "066133a70e40",
    Flask.ensure_sync: "93da8bd89e2a",
    Flask.raise_routing_exception: "50dd5a4a1d8a",
    RequestContext.__init__: "64e04eb6fbcb",
    RequestContext.push: "ace499f160e0",
    RequestContext.pop: "2722557a094c",
    RequestContext.match_request: "919ccbf8eafa",
    AppContext.__init__: "8827b8998942",
    AppContext.push: "744ad6afc2b2",
    AppContext.pop: "906da921924f",
    AnyRequest.__init__: "7a942473eba0",
    Request.__init__: "7188609a18d8",
    Request.close: "ab0169a7aa1a",
    AnyResponse.__init__: "0d32fd6f20d5",
    Response.__init__: "5cc1ac2c6862",
    Response.__call__: "88844160532e",
    Response.get_wsgi_headers: "c602160e4279",
    ThreadWorker.accept: "f8dcead3dce5",
    ThreadWorker.enqueue_req: "c9f428953d24",
    ThreadWorker.finish_request: "616e7bb15a00",
    ThreadWorker.handle: "ca85c9be3df7",
    ThreadWorker.handle_request: "6d0de5b91910",
    ThreadWorker.run: "f92c7394d857",
    ThreadWorker.murder_keepalived: "4459960c4ccc",
}
"""The functions whose steps the service repeats, with the digests of their source code.

After an update, compare the changed functions with ``app/rest/dispatch.py`` and ``cheap_contexts.py``, ``request.py``,
``json_response.py``, or ``deploy/serving``. Then write the new digests here, and the new version into ``COMPARED``.
"""
OTHER_VERSIONS: Final = """
import importlib.metadata
installed = importlib.metadata.version
importlib.metadata.version = lambda name: "99.0" if name in {"flask", "gunicorn", "werkzeug"} else installed(name)
"""
SLOW: Final = """
from app import create_app
from app.config import Settings
from app.rest import dispatch
from app.rest.json_response import JsonResponse
dispatch.answer = None
settings = Settings(jwt_secret="x" * 40, database_url="postgresql+psycopg://localhost/none")
client = create_app(settings).test_client()
print([client.get(path).status_code for path in ("/healthz", "/v1/tasks", "/nothing", "/openapi.json")])
"""


def digest(function: Callable[..., Any]) -> str:
    """Return a digest of the source code of a function."""
    return hashlib.sha256(inspect.getsource(function).encode()).hexdigest()[:12]


@pytest.mark.parametrize("function", STEPS, ids=lambda each: each.__qualname__)
def test_a_repeated_function_is_the_same(function: Callable[..., Any]) -> None:
    assert digest(function) == STEPS[function], f"{function.__module__}.{function.__qualname__} has changed"


@pytest.mark.parametrize("library", COMPARED)
def test_the_installed_version_is_the_compared_one(library: str) -> None:
    assert version(library) == COMPARED[library], "compare the functions of STEPS, then change COMPARED"


@pytest.fixture
def others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a new Python process find other versions of all three."""
    (tmp_path / "sitecustomize.py").write_text(OTHER_VERSIONS)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))


def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run Python in the repository."""
    return subprocess.run([sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.usefixtures("others")
def test_other_versions_take_the_slow_way_and_are_logged() -> None:
    done = run("-c", SLOW)
    assert done.stdout == "[200, 401, 404, 200]\n", done.stderr
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    logged = [line["message"] for line in lines if line["logger"].endswith(".start")]
    assert [message.partition(", and ")[0] for message in logged if "compared" in message] == [
        f"{library} 99.0 is installed" for library in COMPARED
    ]


@pytest.mark.usefixtures("others")
def test_another_gunicorn_gets_the_worker_that_changes_less_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JWT_SECRET", "x" * 40)
    monkeypatch.setenv("APP_ENV", "development")
    done = run("-m", "gunicorn", "-c", "gunicorn.conf.py", "--print-config", "wsgi:app")
    assert "deploy.serving.worker.Worker" in done.stdout, done.stderr


@pytest.mark.usefixtures("others")
@pytest.mark.parametrize(
    "idioms", [f"tests/idioms/test_flask_{name}.py" for name in ("hooks", "requests", "responses", "views")]
)
def test_the_idioms_hold_with_other_versions(idioms: str) -> None:
    done = run("-m", "pytest", "-q", "-x", "-n", "0", "-p", "no:cacheprovider", idioms)
    assert done.returncode == 0, done.stdout[-3000:]
