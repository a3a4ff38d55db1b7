"""Advisory locks of one database share one space of numbers: two purposes must not have one number."""

import re
from pathlib import Path
from typing import Final

from app.cli import schema
from app.repositories import expiry, failures

APP: Final = Path(__file__).parents[2] / "app"
NAMED: Final = {"CLEANING": expiry.CLEANING, "TRIMMING": failures.TRIMMING, ":key": schema.LOCK}
"""The numbers, by how they stand where a lock is taken; any other lock has a hash of a text, of 64 bits."""
TAKEN: Final = re.compile(r"pg_(?:try_)?advisory_(?:xact_)?lock(?:_shared)?\(([^()]+(?:\(.*?\))?)")


def test_numbers_differ() -> None:
    assert len({*NAMED.values()}) == len(NAMED)


def test_every_lock_has_one_of_these_numbers_or_a_hash() -> None:
    keys = [each for path in APP.rglob("*.py") for each in TAKEN.findall(path.read_text(encoding="utf-8"))]
    assert len(keys) >= 4
    assert {each for each in keys if not each.startswith("func.hashtextextended(")} == {*NAMED}
