"""A merge revision of Alembic: the migrations of the fork and those of upstream end in one head."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from alembic.script import Script, ScriptDirectory
from alembic.util import to_tuple

FOLDER: Final = Path("migrations")
_CONTENT: Final = '''\
"""Both the migrations of this repository and those of {upstream} are applied."""

revision = "{revision}"
down_revision = {heads}
branch_labels = None
depends_on = None
compatible_since = "{since}"  # the oldest revision whose code runs on the new schema; see UPGRADING.md


def upgrade() -> None:
    """Apply: there is nothing to do."""


def downgrade() -> None:
    """Revert: there is nothing to do."""
'''


def heads(root: Path) -> tuple[str, ...]:
    """Return the revisions that no other follows, the oldest first."""
    return tuple(sorted(ScriptDirectory(str(root / FOLDER)).get_heads(), key=int))


def join(root: Path, before: tuple[str, ...], upstream: str) -> Path | None:
    """Write a merge revision if there are several heads, and return its path.

    Args:
        root: the repository, with the migrations of upstream.
        before: the heads without them.
        upstream: the name of the release.
    """
    found = heads(root)
    if len(found) == 1:
        return None
    revision = str(max(int(f"{datetime.now(UTC):%Y%m%d%H%M%S}00"), int(found[-1]) + 1))
    directory = ScriptDirectory(str(root / FOLDER))
    since = before[-1] if _run_on_them(directory, before) else revision
    path = root / FOLDER / "versions" / f"{revision}_upstream.py"
    listed = "(" + ", ".join(f'"{each}"' for each in found) + ")"
    path.write_text(_CONTENT.format(upstream=upstream, revision=revision, heads=listed, since=since))
    return path


def _run_on_them(directory: ScriptDirectory, before: tuple[str, ...]) -> bool:
    """Return whether the code before the merge runs on the schema of upstream's new migrations.

    They compare themselves with the migrations of upstream only. The code contains these up to the one that the new
    ones attach to. Its own migrations can have greater numbers, and say nothing about upstream's code.
    """
    known = {each.revision for head in before for each in directory.iterate_revisions(head, "base")}
    new = [each for each in directory.walk_revisions() if each.revision not in known]
    attached = [int(each) for script in new for each in to_tuple(script.down_revision, ()) if each in known]
    return len(before) == 1 and bool(attached) and max(map(_oldest, new)) <= min(attached)


def _oldest(script: Script) -> int:
    return int(getattr(script.module, "compatible_since", script.revision))
