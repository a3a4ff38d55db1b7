"""Numbers of advisory locks: all locks of a database share one range, and no two purposes share a number."""

import re
from pathlib import Path
from typing import Final

from app.cli import schema_upgrade
from app.repositories import expiry, failed_requests

APP: Final = Path(__file__).parents[2] / "app"
NAMED: Final = {"CLEANING": expiry.CLEANING, "TRIMMING": failed_requests.TRIMMING, ":key": schema_upgrade.LOCK}
"""The numbers, by the expression that takes the lock; any other lock uses a 64-bit hash of a text."""
TAKEN: Final = re.compile(r"pg_(?:try_)?advisory_(?:xact_)?lock(?:_shared)?\(([^()]+(?:\(.*?\))?)")


def test_numbers_are_unique() -> None:
    assert len({*NAMED.values()}) == len(NAMED)


def test_every_lock_has_a_listed_number_or_a_hash() -> None:
    keys = [each for path in APP.rglob("*.py") for each in TAKEN.findall(path.read_text(encoding="utf-8"))]
    assert len(keys) >= 4
    assert {each for each in keys if not each.startswith("func.hashtextextended(")} == {*NAMED}
