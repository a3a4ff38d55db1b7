"""``make watch``: run ``make quick``, and again after each change of a file, until Ctrl-C.

It compares the times of all files that git does not ignore, once a second. It begins when a second passes without
another change, because editors and git write several files at once.
"""

import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
INTERVAL: Final = 1.0
"""Seconds between two comparisons."""
Times = Mapping[str, int]


def times(root: Path = ROOT) -> Times:
    """Return the time of the last change of each file, in nanoseconds."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=root, check=True, capture_output=True, text=True).stdout
    found = {}
    for name in filter(None, listed.split("\0")):
        with suppress(OSError):  # removed since
            found[name] = (root / name).stat().st_mtime_ns
    return found


def changed(before: Times, after: Times) -> list[str]:
    """Return the files that were changed, added or removed."""
    return sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))


def watch(look: Callable[[], Times], run: Callable[[], None], wait: Callable[[], None]) -> None:
    """Run at once, and after each change, until ``wait`` raises KeyboardInterrupt."""
    run()
    seen = look()
    while True:
        wait()
        now = look()
        if names := changed(seen, now):
            wait()
            while changed(now, latest := look()):
                now = latest
                wait()
            sys.stdout.write(f"\nwatch: {names[0]}{f' and {len(names) - 1} more' if names[1:] else ''}\n")
            seen = now  # what changes during the run is found after it
            run()


def _quick(*arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "tests.quick", *arguments], cwd=ROOT, check=False)


def main(*arguments: str) -> int:
    """Watch the repository; return 0 after Ctrl-C."""
    with suppress(KeyboardInterrupt):
        watch(
            times,
            partial(_quick, *arguments),
            lambda: time.sleep(INTERVAL),
        )
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
