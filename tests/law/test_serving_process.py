"""Modules that a serving process does not load."""

import os
import subprocess
import sys

import pytest

from tests.law.test_settings import PRODUCTION
from tests.stack.conftest import ROOT

pytestmark = pytest.mark.slow

UNWANTED = {
    *("alembic", "flask_migrate"),  # only ``flask db`` needs them, and they delay each start by half a second
    *("grpc", "google.protobuf"),  # RPC_PORT of another process
    "opentelemetry.sdk.trace",  # TRACING
    "redis",  # REDIS_URL
    *("httpx2", "httpcore2", "h11", "anyio"),  # ISSUERS, GOOGLE_CLIENT_ID, USERS_URL and PREFERENCES_URL
    "smtplib",  # SMTP_URL
    "pytest",
}
DEMANDED = (
    ("REDIS_URL", "redis://127.0.0.1:1/0", "redis"),
    ("USERS_URL", "http://127.0.0.1:1", "httpx2"),
    ("PREFERENCES_URL", "http://127.0.0.1:1", "httpx2"),
    ("GOOGLE_CLIENT_ID", "1.apps.googleusercontent.com", "httpx2"),
)


def run(script: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run a script in a new process, with the settings of production."""
    environ = {"PATH": os.environ["PATH"], **PRODUCTION, **environment}
    command = [sys.executable, "-c", script]
    return subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)


def test_serving_loads_no_module_of_a_setting_that_is_unset() -> None:
    """Each of these packages costs memory in every worker, and time at each start."""
    done = run(f"import sys, wsgi; print(sorted({UNWANTED} & set(sys.modules)))")
    assert (done.returncode, done.stdout.strip()) == (0, "[]"), done.stderr


@pytest.mark.parametrize(("name", "value", "package"), DEMANDED)
def test_a_setting_whose_package_is_missing_prevents_the_start(name: str, value: str, package: str) -> None:
    done = run(f"import sys; sys.modules[{package!r}] = None; import wsgi", **{name: value})
    assert done.returncode == 1
    assert f"import of {package} halted" in done.stderr
