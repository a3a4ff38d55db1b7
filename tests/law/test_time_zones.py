"""Time zones come from a pinned package; a name that was accepted once is accepted in all later versions."""

import re
from pathlib import Path
from typing import Final

from app.models.preferences import is_time_zone

ROOT: Final = Path(__file__).parents[2]
ACCEPTED: Final = (Path(__file__).parent / "accepted_time_zones.txt").read_text(encoding="ascii").split()
LOCKS: Final = [*(ROOT / "requirements").glob("*.lock")]


def test_every_accepted_name_stays_accepted() -> None:
    """A name that the database drops goes into ``RETIRED``; new ones go into the list."""
    assert len(ACCEPTED) > 590
    assert [name for name in ACCEPTED if not is_time_zone(name)] == []


def test_the_package_is_pinned_on_every_platform() -> None:
    for lock in LOCKS:
        assert re.search(r"^tzdata==[0-9.]+ \\$", lock.read_text(), re.MULTILINE), lock.name


def test_no_other_module_uses_zones_of_the_operating_system() -> None:
    asks = re.compile(r"zoneinfo|ZoneInfo|\btzlocal\b")
    assert [path.name for path in (ROOT / "app").rglob("*.py") if asks.search(path.read_text())] == []
