"""The steps of ``docs/operate/backup.md``, followed to the letter on a real PostgreSQL, restore the rows."""

import time
from collections.abc import Iterator

import pytest

from tests.docs.pages import ROOT
from tests.stack.installation import FAST, Installation, installed
from tests.stack.operator_steps import steps
from tests.stack.test_operate_pages import call, statuses, token

TARGET = "2026-11-30 09:41:00+00"
"""The time that the page restores to."""


@pytest.fixture
def installation() -> Iterator[Installation]:
    """Return an installation that runs the code of this checkout."""
    with installed(ROOT, settings=FAST) as installation:
        installation.start()
        yield installation


def titles(installation: Installation) -> set[str]:
    return set(installation.sql("SELECT title FROM tasks").split())


def create(installation: Installation, title: str) -> None:
    assert call(installation, 1, token(installation), task={"title": title})[0] == 201


def test_restore_a_dump(installation: Installation) -> None:
    create(installation, "before")
    tables = int(installation.follow(steps("backup", "Back up with pg_dump")).split()[-1])
    assert tables == int(installation.sql("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"))
    create(installation, "after")
    installation.follow(steps("backup", "Restore a dump"))
    assert titles(installation) == {"before"}
    assert statuses(installation, token(installation)) == [200, 200]


@pytest.mark.nightly
def test_restore_to_a_point_in_time(installation: Installation) -> None:
    create(installation, "first")
    installation.follow(steps("backup", "Back up for point-in-time recovery"))
    create(installation, "second")
    time.sleep(0.2)
    moment = installation.sql("SELECT now()")
    time.sleep(0.2)
    installation.sql("DELETE FROM tasks")
    create(installation, "third")
    installation.replaced.append((TARGET, moment))
    installation.follow(steps("backup", "Restore to a point in time"))
    assert titles(installation) == {"first", "second"}
    create(installation, "fourth")
    assert statuses(installation, token(installation)) == [200, 200]
