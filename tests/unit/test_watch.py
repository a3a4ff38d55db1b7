"""``make watch`` runs again after each change, once for changes that belong together."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import watch


def rounds(*states: watch.Times) -> int:
    """Return the number of runs while the files have these times, one after the other."""
    seen: Iterator[watch.Times] = iter(states)
    runs: list[int] = []
    left = len(states)

    def look() -> watch.Times:
        nonlocal left
        left -= 1
        return next(seen)

    def wait() -> None:
        if left == 0:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        watch.watch(look, lambda: runs.append(1), wait)
    return len(runs)


def test_it_runs_at_once() -> None:
    assert rounds({"a": 1}) == 1


def test_without_a_change_it_does_not_run_again() -> None:
    assert rounds({"a": 1}, {"a": 1}, {"a": 1}) == 1


@pytest.mark.parametrize("after", [{"a": 2}, {"a": 1, "b": 1}, {}])
def test_a_changed_added_or_removed_file(after: watch.Times) -> None:
    assert rounds({"a": 1}, after, after, after) == 2


def test_changes_within_a_second_are_one() -> None:
    assert rounds({"a": 1}, {"a": 2}, {"a": 3}, {"a": 4}, {"a": 4}, {"a": 4}) == 2


def test_two_changes() -> None:
    assert rounds({"a": 1}, {"a": 2}, {"a": 2}, {"a": 3}, {"a": 3}, {"a": 3}) == 3


def test_ignored_files_are_not_watched(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    for name, text in {".gitignore": "ignored\n", "ignored": "", "mine": ""}.items():
        (tmp_path / name).write_text(text)
    before = watch.times(tmp_path)
    assert {*before} == {".gitignore", "mine"}
    os.utime(tmp_path / "mine", ns=(0, before["mine"] + 1))
    (tmp_path / "ignored").write_text("more")
    assert watch.changed(before, watch.times(tmp_path)) == ["mine"]
