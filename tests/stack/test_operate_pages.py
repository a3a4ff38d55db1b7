"""The steps of the pages for operators, followed to the letter, have the results that the pages promise.

Executed are ``docs/operate/upgrade.md``, ``docs/operate/secrets.md``, and the first admin of
``docs/operate/install-debian.md``.
"""

import itertools
import json
import re
import shutil
import subprocess
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from app.repositories.readiness import expected_head
from app.services.readiness import FRESH
from tests.docs.pages import ROOT
from tests.stack.deployment import is_ready
from tests.stack.installation import Installation, installed
from tests.stack.operator_steps import Step, steps

HEAD: Final = expected_head() or ""
NEXT: Final = f"{int(HEAD) + 1:04d}"
PARTS: Final = ("app", "deploy", "migrations", "requirements", ".env.example", "gunicorn.conf.py", "wsgi.py")
IGNORED: Final = shutil.ignore_patterns("__pycache__")
MIGRATION: Final = '''"""A column of the next release."""

import sqlalchemy as sa
from alembic import op

revision, down_revision, branch_labels, depends_on = "{new}", "{head}", None, None
compatible_since = "{since}"


def upgrade() -> None:
    op.add_column("tasks", sa.Column("colour", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("tasks", "colour")
'''
_ADDRESSES: Final = itertools.count(1)
"""Addresses of clients: a different one for each request, because logins are limited by address."""
WITHIN: Final = 5.0
"""Seconds after which every instance rejects the tokens of a retired key."""


def git(folder: Path, *words: str) -> str:
    identity = ("-c", "user.name=test", "-c", "user.email=test@example.com", "-c", "init.defaultBranch=main")
    return subprocess.run(["git", *identity, *words], cwd=folder, check=True, capture_output=True, text=True).stdout


def call(
    installation: Installation, number: int, bearer: str, path: str = "/v1/tasks", **body: object
) -> tuple[int, Any]:
    """Send a request to one instance; return status and body."""
    authorization = ["-H", f"Authorization: Bearer {bearer}"] if bearer else []
    sent = ["-X", "POST", "-H", "Content-Type: application/json", "-d", json.dumps(body)] if body else []
    address = f"X-Forwarded-For: 10.0.0.{next(_ADDRESSES)}"
    options = ["-sS", "-m", "30", "--unix-socket", str(installation.socket(number)), "-w", "\n%{http_code}"]
    command = ["curl", *options, *sent, "-H", address, *authorization, f"http://localhost{path}"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    text, _, status = done.stdout.rpartition("\n")
    return int(status), json.loads(text) if text else None


def statuses(installation: Installation, token: str) -> list[int]:
    """Return the responses of both instances to a token."""
    return [call(installation, number, token)[0] for number in (1, 2)]


def token(installation: Installation) -> str:
    return installation.flask("tokens", "issue", "--subject", "alice", "--scope", "tasks")


@contextmanager
def watched(installation: Installation) -> Iterator[list[bool]]:
    """Yield True if an instance was ready, every 50 ms."""
    seen, ended = list[bool](), threading.Event()

    def watch() -> None:
        while not ended.is_set():
            seen.append(any(is_ready(installation.socket(number)) for number in (1, 2, 1)))
            time.sleep(0.05)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield seen
    finally:
        ended.set()
        watcher.join(60)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Return a repository with this release as ``v1``, and a release with one more migration as ``v2``."""
    origin = tmp_path / "origin"
    origin.mkdir()
    for part in PARTS:
        source = ROOT / part
        if source.is_dir():
            shutil.copytree(source, origin / part, ignore=IGNORED)
        else:
            shutil.copy(source, origin / part)
    git(origin, "init", "-q")
    git(origin, "add", "-A")
    git(origin, "commit", "-qm", "v1")
    git(origin, "tag", "v1")
    return origin


def release(origin: Path, *, since: str) -> None:
    """Create ``v2``: a migration, and another version."""
    migration = origin / "migrations" / "versions" / f"{NEXT}_colour.py"
    migration.write_text(MIGRATION.format(new=NEXT, head=HEAD, since=since))
    settings = origin / "app" / "config" / "__init__.py"
    settings.write_text(
        re.sub(r'^VERSION: Final = ".*"', 'VERSION: Final = "9.9.9"', settings.read_text(), flags=re.MULTILINE)
    )
    git(origin, "add", "-A")
    git(origin, "commit", "-qm", "v2")
    git(origin, "tag", "v2")


@pytest.fixture
def upgradable(repository: Path, tmp_path: Path) -> Iterator[Installation]:
    """Return an installation that runs ``v1``, cloned from the repository."""
    git(tmp_path, "clone", "-q", str(repository), "code")
    git(tmp_path / "code", "checkout", "-q", "v1")
    with installed(tmp_path / "code", is_complete=True) as installation:
        installation.start()
        yield installation


class TestUpgrade:
    @pytest.mark.nightly
    def test_upgrade_and_roll_back(self, upgradable: Installation, repository: Path) -> None:
        release(repository, since=HEAD)
        alice = token(upgradable)
        made, task = call(upgradable, 1, alice, task={"title": "Buy milk"})
        assert made == 201
        listed = upgradable.follow(steps("upgrade", "Before the upgrade"))
        assert f"migrations/versions/{NEXT}_colour.py" in listed
        assert f"migrations/versions/{HEAD}_" in listed
        assert f'compatible_since = "{HEAD}"' in listed
        with watched(upgradable) as ready:
            printed = upgradable.follow(steps("upgrade", "Upgrade"))
            assert 'version="9.9.9"' in printed
            assert upgradable.sql("SELECT version_num FROM alembic_version") == NEXT
            assert call(upgradable, 2, alice, f"/v1/{task['name']}")[0] == 200
            printed = upgradable.follow(steps("upgrade", "Roll back"))
            assert f"compatible_since={HEAD} at={NEXT}" in printed
        assert len(ready) > 20
        assert all(ready)
        assert "9.9.9" not in upgradable.run(steps("upgrade", "Upgrade")[-1])
        assert upgradable.sql("SELECT version_num FROM alembic_version") == NEXT
        assert call(upgradable, 1, alice, f"/v1/{task['name']}")[0] == 200
        upgradable.flask("db", "upgrade")  # it changes nothing, according to the page
        assert statuses(upgradable, alice) == [200, 200]

    @pytest.mark.nightly
    def test_an_incompatible_schema_is_rolled_back_by_the_new_release(
        self, upgradable: Installation, repository: Path
    ) -> None:
        release(repository, since=NEXT)
        listed = upgradable.follow(steps("upgrade", "Before the upgrade"))
        assert f'compatible_since = "{NEXT}"' in listed
        upgrade = steps("upgrade", "Upgrade")
        migrates = next(number for number, step in enumerate(upgrade) if "flask db upgrade" in step.command)
        upgradable.follow(upgrade[: migrates + 1])
        time.sleep(FRESH)
        assert [is_ready(upgradable.socket(number)) for number in (1, 2)] == [False, False]
        upgradable.follow(upgrade[migrates + 1 :])
        upgradable.replaced += [("downgrade 0015", f"downgrade {HEAD}")]
        upgradable.follow(steps("upgrade", "Roll back an incompatible schema"))
        assert upgradable.sql("SELECT version_num FROM alembic_version") == HEAD
        assert statuses(upgradable, token(upgradable)) == [200, 200]


@pytest.fixture(scope="module")
def current() -> Iterator[Installation]:
    """Return an installation that runs the code of this checkout."""
    with installed(ROOT) as installation:
        yield installation


@pytest.fixture
def secured(current: Installation) -> Installation:
    """Return the installation, started with a new key."""
    current.write_settings()
    current.start()
    return current


def pages(installation: Installation, alice: str) -> str:
    """Create two tasks, and return the token of the second page of one."""
    for _ in range(2):
        assert call(installation, 1, alice, task={"title": uuid.uuid4().hex})[0] == 201
    return str(call(installation, 1, alice, "/v1/tasks?page_size=1")[1]["next_page_token"])


ACCOUNT: Final = {"email": "bob@example.com", "password": "correct horse battery"}


def activate(installation: Installation) -> None:
    """Create an account; its activation token waits in the queue, because there is no mail server."""
    installation.sql("DELETE FROM users")
    installation.sql("DELETE FROM jobs")
    assert call(installation, 1, "", "/v1/users", name="Bob", email=ACCOUNT["email"])[0] == 202
    queued = json.loads(installation.sql("SELECT payload FROM jobs"))
    body = {"token": queued["token"], "password": ACCOUNT["password"]}
    assert call(installation, 1, "", "/v1/users:activate", **body)[0] == 200


def logged_in(installation: Installation, number: int) -> str:
    """Return an access token that one instance has issued."""
    status, tokens = call(installation, number, "", "/v1/tokens", **ACCOUNT)
    assert status == 200
    return str(tokens["access_token"])


class TestSecrets:
    @pytest.mark.nightly
    def test_rotate(self, secured: Installation) -> None:
        """No token is rejected; from the second step on, this includes the time between the restarts of a step."""
        alice = token(secured)
        second = pages(secured, alice)
        activate(secured)
        rotation = steps("secrets", "Rotate the signing key")
        named = next(number for number, step in enumerate(rotation) if step.command.startswith("NEW="))
        removes = next(number for number, step in enumerate(rotation) if "JWT_SECRET=/d" in step.command)
        secured.follow(rotation[:named])
        issued = [alice]
        for step in rotation[named:removes]:
            secured.run(step)
            if "candor@" in step.command:
                issued += [logged_in(secured, number) for number in (1, 2)]
                assert [statuses(secured, each) for each in issued] == [[200, 200]] * len(issued)
        secured.follow(rotation[removes:])
        newest = token(secured)
        assert statuses(secured, newest) == [200, 200]
        assert statuses(secured, alice) == [401, 401]
        assert call(secured, 2, newest, f"/v1/tasks?page_size=1&page_token={second}")[0] == 200

    @pytest.mark.nightly
    def test_leaked(self, secured: Installation) -> None:
        forged = token(secured)
        second = pages(secured, forged)
        assert statuses(secured, forged) == [200, 200]
        procedure = steps("secrets", "Retire a leaked key")
        secured.run(procedure[0])
        until = time.monotonic() + WITHIN
        while statuses(secured, forged) != [401, 401]:
            assert time.monotonic() < until, "a token of the retired key is still accepted"
            time.sleep(0.1)
        admin = secured.flask("tokens", "issue", "--subject", "ops", "--admin")
        assert statuses(secured, admin) == [401, 401]  # signed with the retired key
        secured.follow(procedure[1:-1])
        admin = secured.flask("tokens", "issue", "--subject", "ops", "--admin")
        assert statuses(secured, admin) == [200, 200]
        assert statuses(secured, forged) == [401, 401]
        status, problem = call(secured, 1, token(secured), f"/v1/tasks?page_size=1&page_token={second}")
        assert (status, problem["code"]) == (400, "INVALID_PAGE_TOKEN")
        assert call(secured, 1, admin, "/v1/logger")[0] == 200
        assert '"user":"ops"' in secured.run(procedure[-1])

    @pytest.mark.nightly
    def test_the_database_password(self, secured: Installation) -> None:
        former = secured.settings()["DATABASE_URL"].partition(":")[2].partition(":")[2].partition("@")[0]
        secured.follow(steps("secrets", "Replace the database password"))
        assert ":another-password@" in secured.environment_file.read_text()
        assert statuses(secured, token(secured)) == [200, 200]
        secured.run(Step(f'su postgres -c "psql -c \\"ALTER ROLE candor PASSWORD \'{former}\'\\""'))


def test_the_first_admin(secured: Installation) -> None:
    activate(secured)
    secured.replaced.append(("ops@example.com", ACCOUNT["email"]))
    secured.follow(steps("install-debian", "7. Create the first admin"))
    assert call(secured, 1, logged_in(secured, 1), "/v1/logger")[0] == 200
