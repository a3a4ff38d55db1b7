"""The pages of ``docs/change`` and ``docs/tutorials/first-resource.md``: a test follows the steps of each of them.

All pages are followed in one copy of the tree, one after the other, as in a growing project. CI follows one page;
the nightly run follows all of them.
"""

import os
import shlex
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import pytest

from deploy.local.free_ports import free_port
from forks.text_edits import NOTE
from tests.stack.conftest import ROOT
from tests.stack.page_steps import MADE, follow, steps
from tests.stack.trees import FLASK, LAW, LINT, copied, run

CHANGE: Final = ROOT / "docs" / "change"
IN_CI: Final = "add-field.md"
"""The page that changes the most layers."""
FIRST: Final = "first-resource.md"
PAGES: Final = (
    *(IN_CI, "add-resource.md", "add-error.md", "add-setting.md", "add-scope.md", "add-transition.md"),
    *("add-custom-method.md", "add-job.md", "add-metric.md", "add-outbound-call.md", "add-grpc-method.md"),
    "run-tests.md",
)
REMOVAL: Final = "remove-parts.md"
OTHERS: Final = {"api-contract.md", "mistakes.md", "name-your-product.md", "stay-current.md", REMOVAL}
CHECKED: Final = (*LAW, "tests/integration/test_migrations.py", "tests/law/test_contract.py")
VENV: Final = Path(sys.executable).parents[1]


def path_of(page: str) -> Path:
    """Return the path of a page."""
    return (ROOT / "docs" / "tutorials" if page == FIRST else CHANGE) / page


FOLLOWED: Final = [
    pytest.param(page, marks=[] if page == IN_CI else [pytest.mark.nightly])
    for page in (FIRST, *PAGES)
    if NOTE not in path_of(page).read_text()
]
"""The pages, except for those whose example was removed."""


@dataclass(frozen=True)
class Project:
    """A copy of the tree, and the environment of commands in it."""

    tree: Path
    environment: Mapping[str, str]

    def git(self, *words: str) -> str:
        """Run git in the tree."""
        return run(self.tree, "git", "-c", "user.name=t", "-c", "user.email=t@example.com", *words)

    def serve(self, running: ExitStack) -> None:
        """Run the service until the page ends."""
        command = shlex.split(f"{MADE} run")
        process = subprocess.Popen(
            command, cwd=self.tree, env=os.environ | self.environment, stdout=subprocess.DEVNULL, start_new_session=True
        )
        running.callback(process.wait, 30)
        running.callback(process.terminate)
        until, url = time.monotonic() + 60, f"http://127.0.0.1:{self.environment['PORT']}/readyz"
        while not answers(url):
            assert process.poll() is None
            assert time.monotonic() < until
            time.sleep(0.2)

    def follow(self, page: Path, chapter: str = "") -> None:
        """Follow a page, or one chapter; a failed one leaves the tree unchanged."""
        with ExitStack() as running:
            try:
                for step in steps(page, chapter):
                    follow(step, self.tree, self.environment, partial(self.serve, running))
            except BaseException:
                self.git("reset", "-q", "--hard")
                self.git("clean", "-q", "-f", "-d")
                raise
        self.git("add", "-A")
        self.git("commit", "-q", "-m", page.stem)


def answers(url: str) -> bool:
    """Return True if a service responds with success."""
    try:
        with urllib.request.urlopen(url, timeout=5):
            return True
    except OSError:
        return False


@pytest.fixture(scope="module")
def project(
    tmp_path_factory: pytest.TempPathFactory, server_url: str, make_database: Callable[[str], str]
) -> Iterator[Project]:
    """Return a copy of the tree with its own database."""
    tree = copied(ROOT, tmp_path_factory.mktemp("change") / "candor")
    (tree / ".venv").symlink_to(VENV)
    environment = {
        "DATABASE_URL": make_database("change_pages"),
        "TEST_DATABASE_URL": server_url,
        "PORT": str(free_port()),
    }
    project = Project(tree, environment)
    project.git("init", "-q", "-b", "main")
    (tree / ".git" / "info" / "exclude").write_text(".venv\n")
    project.git("add", "-A")
    project.git("commit", "-q", "-m", "the tree")
    project.git("tag", "start")
    yield project
    shutil.rmtree(tree)


def test_each_page_is_followed() -> None:
    assert {page.name for page in CHANGE.glob("*.md")} == {*PAGES, *OTHERS}


@pytest.mark.parametrize("page", FOLLOWED)
def test_its_steps_work(project: Project, page: str) -> None:
    project.follow(path_of(page))


@pytest.mark.nightly
def test_the_grown_project_passes_every_check(project: Project, server_url: str) -> None:
    for tool in LINT:
        run(project.tree, sys.executable, "-m", *tool)
    run(project.tree, str(Path(sys.executable).parent / "lint-imports"))
    run(project.tree, *FLASK, "contract", "check")
    run(project.tree, sys.executable, "-m", "pytest", "-q", *CHECKED, TEST_DATABASE_URL=server_url)


@pytest.mark.nightly
def test_a_resource_is_no_longer_served(project: Project, tmp_path: Path, make_database: Callable[[str], str]) -> None:
    """tests/forks follows the other chapters."""
    tree = tmp_path / "candor"
    project.git("worktree", "add", "-q", "--detach", str(tree), "start")
    (tree / ".venv").symlink_to(VENV)
    environment = {**project.environment, "DATABASE_URL": make_database("removed")}
    Project(tree, environment).follow(CHANGE / REMOVAL, "Stop serving a resource")
