"""The database and the clients of the previous release work with this one.

The previous release is the newest tag, or without one the oldest of the last sixty commits. It creates its database
with its own migrations, and its rows with its own service. Then this release migrates the database, and serves it.
"""

import json
import os
import subprocess
import sys
import tarfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest

from deploy.local.free_ports import free_port
from forks.answers import Answers
from tests.skips import NIGHTLY
from tests.stack.conftest import ROOT
from tests.stack.trees import FLASK, run

pytestmark = [pytest.mark.nightly, pytest.mark.slow]
COMMITS: Final = 60
READ: Final = "import json; from tests import samples; print(json.dumps([dict(samples.BODIES), dict(samples.PATHS)]))"
PRICES: Final = Path("deploy", "local", "products.csv")
SETTINGS: Final = {"APP_ENV": "development", "JWT_SECRET": "x" * 32, "RATE_LIMIT": "10000 per second"}


class Response(NamedTuple):
    """A response of a service."""

    status: int
    location: str
    body: Any


class Client:
    """A client of the previous release, with a token of the user ``alice``."""

    def __init__(self, url: str, token: str) -> None:
        self._url, self._token = url, token

    def send(self, method: str, path: str, body: object = None) -> Response:
        """Send a request as a client of the previous release does."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self._url}{path}", data, method=method)
        for name, value in (("Authorization", f"Bearer {self._token}"), ("If-Match", "*")):
            request.add_header(name, value)
        if data is not None:
            request.add_header("Content-Type", "application/json")
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                content = response.read()
                return Response(
                    response.status, response.headers["Location"] or "", json.loads(content) if content else None
                )
        except urllib.error.HTTPError as rejection:
            content = rejection.read()
            return Response(rejection.code, "", json.loads(content) if content else None)


def git(*words: str | bytes) -> bytes:
    """Return the output of git in this repository; nothing if it fails."""
    return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, check=False).stdout


@pytest.fixture(scope="module")
def previous(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the files of the previous release."""
    commits = git("rev-list", f"--max-count={COMMITS}", "HEAD").split()
    tagged = git("describe", "--tags", "--abbrev=0", "HEAD^").strip()
    if not tagged and len(commits) < COMMITS:
        pytest.skip(f"{NIGHTLY}, where there are {COMMITS} commits or a tag")
    tree = tmp_path_factory.mktemp("previous")
    with tarfile.open(fileobj=BytesIO(git("archive", tagged or commits[-1]))) as archive:
        archive.extractall(tree, filter="data")
    if Answers.read(tree) != Answers.read(ROOT):
        pytest.skip(f"{NIGHTLY}, once a release follows `make init` or `make remove`")
    return tree


@contextmanager
def served(tree: Path, environment: dict[str, str]) -> Iterator[Client]:
    """Run the service of a release, and yield a client that sees everything."""
    run(tree, *FLASK, "db", "upgrade", **environment)
    token = run(tree, *FLASK, "tokens", "issue", "--subject", "alice", "--admin", **environment).strip()
    port = free_port()
    command = [*FLASK, "run", "--port", str(port)]
    process = subprocess.Popen(
        command, cwd=tree, env=os.environ | environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        client, until = Client(f"http://127.0.0.1:{port}", token), time.monotonic() + 60
        while not _is_ready(client):
            assert process.poll() is None
            assert time.monotonic() < until
            time.sleep(0.2)
        yield client
    finally:
        process.terminate()
        process.wait(30)


def _is_ready(client: Client) -> bool:
    try:
        return client.send("GET", "/readyz").status == 200
    except OSError:
        return False


def requests_of(tree: Path) -> list[tuple[str, str, Any]]:
    """Return the sample requests of a release: creations first, then changes, and no deletions."""
    bodies, paths = json.loads(run(tree, sys.executable, "-c", READ))
    found = [(*operation.split(" ", 1), body) for operation, body in bodies.items()]
    order = {"POST": 0, "PUT": 1, "PATCH": 2}
    known = sorted((each for each in found if each[0] in order), key=lambda each: order[each[0]])
    return [(method, _filled(path, paths), body) for method, path, body in known]


def _filled(path: str, paths: Mapping[str, str]) -> str:
    for parameter, value in paths.items():
        path = path.replace(parameter, value)
    return path


def conversation(client: Client, requests: list[tuple[str, str, Any]]) -> list[tuple[str, Response]]:
    """Send the requests, read the created resources, and return each response."""
    found = []
    for method, path, body in requests:
        response = client.send(method, path, body)
        found.append((f"{method} {path}", response))
        if response.location:
            found.append((f"GET {path}", client.send("GET", response.location)))
        if method == "POST" and ":" not in path and path != "/v1/tokens":
            found.append((f"GET {path}", client.send("GET", path)))
    return found


def assert_contains(new: Any, old: Any, at: str) -> None:
    """Assert that a client of the previous release finds every property, with a value of the same type."""
    if isinstance(old, dict):
        assert isinstance(new, dict), at
        for name, value in old.items():
            assert name in new, f"{at}: {name} is missing"
            assert_contains(new[name], value, f"{at} {name}")
    elif isinstance(old, list):
        assert isinstance(new, list), at
        if old and new:
            assert_contains(new[0], old[0], f"{at}[0]")
    elif old is not None and new is not None:
        assert type(new) is type(old), f"{at}: {new!r} instead of {old!r}"


def test_its_database_and_its_clients(previous: Path, make_database: Callable[[str], str]) -> None:
    requests = requests_of(previous)
    before, fresh = ({**SETTINGS, "DATABASE_URL": make_database(f"previous_{name}")} for name in ("old", "new"))

    with served(previous, before) as client:
        run(previous, *FLASK, "products", "load", str(PRICES), **before)
        old = conversation(client, requests)
        made = {response.location: client.send("GET", response.location) for _, response in old if response.location}
    assert len(made) >= 3
    assert all(response.status == 200 for response in made.values())

    with served(ROOT, before) as client:
        for path, response in made.items():
            body = client.send("GET", path).body
            assert {name: body.get(name) for name in response.body} == response.body, path
        run(ROOT, *FLASK, "db", "check", **before)

    with served(ROOT, fresh) as client:
        run(ROOT, *FLASK, "products", "load", str(PRICES), **fresh)
        new = conversation(client, requests)
    for (request, former), (_, latter) in zip(old, new, strict=True):
        assert latter.status == former.status, (request, former, latter)
        assert_contains(latter.body, former.body, request)
