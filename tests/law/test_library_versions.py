"""Flask, Werkzeug and gunicorn have the versions that the fast ways were compared with; others take the slow way."""

import hashlib
import inspect
import json
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from pkgutil import resolve_name
from typing import Final

import pytest

from app.config import ROOT
from app.library_versions import COMPARED

STEPS: Final[dict[str, str]] = {
    "flask.app:Flask.wsgi_app": "b813e40b29d1d704",
    "flask.app:Flask.full_dispatch_request": "70d46cf2d53c3b0e",
    "flask.app:Flask.dispatch_request": "62c7e9d15772724a",
    "flask.app:Flask.preprocess_request": "74a4cb2d980d5a91",
    "flask.app:Flask.finalize_request": "c1bcdc5b112f8a44",
    "flask.app:Flask.process_response": "8f4afb5f9ec8c24b",
    "flask.app:Flask.handle_user_exception": "a0657e4e84d544d4",
    "flask.app:Flask.handle_http_exception": "03fb4842d387735f",
    "flask.app:Flask.handle_exception": "8388d689e8ad43df",
    "flask.app:Flask.do_teardown_request": "8c25313693d26f09",
    "flask.app:Flask.do_teardown_appcontext": "172c4f5e8ac14bf0",
    "flask.app:Flask.ensure_sync": "93da8bd89e2a20b7",
    "flask.app:Flask.create_url_adapter": "066133a70e406d12",
    "flask.app:Flask.raise_routing_exception": "50dd5a4a1d8ab236",
    "flask.sansio.app:App._find_error_handler": "552625caa3f50a1e",
    "flask.ctx:AppContext": "f499726b0dd261fa",
    "flask.ctx:RequestContext": "100498a9244ba2bb",
    "werkzeug.wrappers.request:Request.__init__": "7188609a18d806c7",
    "werkzeug.sansio.request:Request.__init__": "7a942473eba0b406",
    "werkzeug.wrappers.response:Response.__init__": "5cc1ac2c686280cf",
    "werkzeug.wrappers.response:Response.__call__": "88844160532e4770",
    "werkzeug.sansio.response:Response.__init__": "0d32fd6f20d5767a",
    "werkzeug.wsgi:_get_server": "efaf7382c849f3dc",
    "gunicorn.workers.gthread:ThreadWorker": "2cde92a57d7bae10",
    "gunicorn.workers.gthread:TConn": "e3a2878ba952710a",
    "gunicorn.http.message:Message": "1998788a8a484d40",
    "gunicorn.http.message:Request": "5fb06ef65d3b892b",
    "gunicorn.http.parser:Parser": "3a9c06e348c7e3b5",
    "gunicorn.http.parser:RequestParser": "7d4a7f9ad92587eb",
    "gunicorn.http.unreader:Unreader": "84aaa8f91fcdbbae",
    "gunicorn.http.body:ChunkedReader": "c1aa79e0ae048701",
    "gunicorn.http.body:Body": "2a2afc0b6a50d7ea",
    "gunicorn.http.wsgi:create": "2c35d4a2dc629ede",
    "gunicorn.http.wsgi:Response": "d67f8e6b29d76622",
    "gunicorn.http.wsgi:_make_early_hints_callback": "4fea831ecc90ca8c",
}
"""The functions and classes whose steps the service repeats or changes, with the digests of their source code.

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


@pytest.mark.parametrize("step", STEPS)
def test_a_repeated_step_is_the_same(step: str) -> None:
    source = inspect.getsource(resolve_name(step))
    assert hashlib.sha256(source.encode()).hexdigest()[:16] == STEPS[step], f"{step} has changed"


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
