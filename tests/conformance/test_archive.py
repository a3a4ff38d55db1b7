"""The suite as one file, without this repository and without packages."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conformance import archive
from tests.conformance.profile import Profile
from tests.stack.conftest import Served

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Return a function that runs the archive in an empty folder and environment, with the standard library only."""
    folder = tmp_path_factory.mktemp("empty")
    archived = archive.build(tmp_path_factory.mktemp("archive") / "conformance.pyz")

    def run_archive(*words: str, **environ: str) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-I", "-S", str(archived), *words]
        return subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, check=False)

    return run_archive


@pytest.fixture
def profile_file(run: Run, tmp_path: Path) -> Path:
    """Return a file with the profile of this service, as a user of the archive would write it."""
    done = run("--example")
    assert done.returncode == 0, done.stderr
    assert 'collection = "/' in done.stdout
    file = tmp_path / "my.toml"
    file.write_text((archive.PACKAGE / "profiles" / "candor.toml").read_text(encoding="utf-8"), encoding="utf-8")
    return file


def test_it_judges_an_api(run: Run, served: Served, profile: Profile, profile_file: Path) -> None:
    tokens = {
        "CONFORMANCE_TOKEN": profile.token,
        "CONFORMANCE_TOKEN_WITHOUT_SCOPE": profile.token_without_scope,
    }
    done = run("--url", served.url, "--profile", str(profile_file), "--only", "M01,P01,U09,C16", **tokens)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Candor: general rules: 3 rules: 3 passed, 0 failed" in done.stdout
    assert "Candor: contract: 3 rules: 3 passed, 0 failed" in done.stdout


def test_an_unreachable_api_is_status_2(run: Run, profile_file: Path) -> None:
    done = run(
        "--url",
        "http://127.0.0.1:9",
        "--profile",
        str(profile_file),
        CONFORMANCE_TOKEN="x",
        CONFORMANCE_TOKEN_WITHOUT_SCOPE="y",
    )
    assert done.returncode == 2
    assert "Connection refused" in done.stderr


def test_without_a_url_it_prints_the_missing_option(run: Run) -> None:
    done = run()
    assert done.returncode == 2
    assert "--url" in done.stderr
    assert "Traceback" not in done.stderr
