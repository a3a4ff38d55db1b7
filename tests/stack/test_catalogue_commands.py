"""C11: the shell commands of a catalogue page, pasted unchanged, end with the page's error."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator

import pytest
from flask import Flask

from app import errs
from app.config import Settings
from app.errs.platform import RateLimitExceeded
from app.rest import error_examples, operations
from app.rest.errors import BODILESS, status_of
from tests.stack.conftest import ROOT, Served, serving

pytestmark = pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")

PROVOKED_BY_CURL = [code for code, named in errs.named_errors().items() if named.curl]
IN_CI = {"NOT_TASK_OWNER", "PRECONDITION_REQUIRED", "TASK_TITLE_TAKEN"}
IN_TURN = [
    pytest.param(code, marks=() if code in IN_CI else pytest.mark.nightly)
    for code in PROVOKED_BY_CURL
    if code != RateLimitExceeded.code
]
UNPROVOKED = {
    "IDEMPOTENCY_IN_PROGRESS",  # needs two simultaneous requests
    *("DEADLINE_EXCEEDED", "SERVICE_UNAVAILABLE", "NOT_READY", "INSUFFICIENT_STORAGE", "INTERNAL_ERROR"),
}


@pytest.fixture(scope="module")
def slow(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Serve with a concurrency limit of a few requests."""
    with serving(settings, tmp_path_factory.mktemp("slow") / "log", RATE_LIMIT="20 per minute") as served:
        yield served


@pytest.fixture(scope="module", autouse=True)
def products(settings: Settings) -> None:
    """Create the products that ``make run`` creates, for orders."""
    environ = os.environ | {"DATABASE_URL": settings.database_url, "JWT_SECRET": settings.jwt_secret}
    load = [".venv/bin/flask", "products", "load", "deploy/local/products.csv"]
    subprocess.run(load, cwd=ROOT, env=environ, check=True)


def pasted(lines: str, *, token: str, settings: Settings) -> tuple[str, str]:
    """Return the head and the body of the last response that shell commands print."""
    environ = os.environ | {
        "TOKEN": token,
        "DATABASE_URL": settings.database_url,
        "JWT_SECRET": settings.jwt_secret,
    }
    ended = subprocess.run(
        ["bash", "-c", lines], cwd=ROOT, env=environ, capture_output=True, text=True, check=False, timeout=60
    )
    last = ended.stdout.replace("\r\n", "\n").rpartition("HTTP/1.1 ")[2]
    head, _, body = last.partition("\n\n")
    return head, body


class TestCommands:
    @pytest.mark.parametrize("code", IN_TURN)
    def test_the_command_ends_with_its_error(
        self, served: Served, token: Callable[..., str], settings: Settings, code: str
    ) -> None:
        """C11."""
        named = errs.named_errors()[code]
        lines = error_examples.curl(named, public_url=served.url)
        assert lines
        subject = f"reader-of-{errs.slug(code)}"
        head, body = pasted(lines, token=token(subject), settings=settings)
        assert head.startswith(str(status_of(named).value)), (lines, head, body)
        if status_of(named) in BODILESS:
            assert ("WWW-Authenticate" in head) == (not code.startswith("NOT_"))
        else:
            assert json.loads(body)["code"] == code

    @pytest.mark.parametrize("code", errs.named_errors())
    def test_the_command_that_simulates_an_error_ends_with_it(
        self, served: Served, token: Callable[..., str], settings: Settings, app: Flask, code: str
    ) -> None:
        """C25b: for every error that an operation declares."""
        named = errs.named_errors()[code]
        line = error_examples.simulation(named, app)
        if line is None:
            assert code not in {error.code for each in operations.table(app).values() for error in each.raises}
            return
        head, body = pasted(
            line.replace("http://candor.test", served.url), token=token("x", "admin"), settings=settings
        )
        assert head.startswith(str(status_of(named).value)), (line, head, body)
        assert status_of(named) in BODILESS or json.loads(body)["code"] == code

    def test_too_many_requests_end_with_the_error_of_the_limit(self, slow: Served, settings: Settings) -> None:
        """C11, C22."""
        lines = error_examples.curl(RateLimitExceeded, public_url=slow.url)
        assert lines
        head, body = pasted(lines, token="", settings=settings)
        assert head.startswith("429")
        assert json.loads(body)["code"] == RateLimitExceeded.code

    def test_errors_that_a_client_can_cause_have_a_command(self) -> None:
        """C11: where curl can provoke it."""
        fallbacks = {errs.fallback(kind).code for kind in errs.Kind}
        named = errs.named_errors()
        of_statuses = {code for code, error in named.items() if error.__module__ == errs.status_errors.__name__}
        silent = set(named) - set(PROVOKED_BY_CURL) - UNPROVOKED - fallbacks - of_statuses
        assert silent == set()
