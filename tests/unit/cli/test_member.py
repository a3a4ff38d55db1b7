"""``flask new member``: a column, a field, errors and migrations for a resource of ``flask new resource``."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory

from app.cli.resource import MIGRATIONS, Words, write
from app.cli.resource.additions import add
from app.cli.resource.design import Design
from app.cli.resource.files import OWN_NAMES
from tests.unit.cli.checkout import contents

pytestmark = pytest.mark.slow


@pytest.fixture
def gizmos(tree: Path) -> Path:
    """Return a checkout with the resource gizmos, owned by customers."""
    write(tree, Words.of("gizmos"), Design.of("gizmos", ["number:text:20:unique-per=buyer_id"], is_owned=True))
    return tree


class TestAdd:
    @pytest.mark.parametrize(
        ("word", "lines"),
        [
            ("memo:text:200:optional", ["memo: Mapped[str | None] = mapped_column(String(200))"]),
            ("due:date:optional", ["from datetime import date, datetime", "due: Mapped[date | None]"]),
            ("order:ref=orders:optional", ['reference("orders", on_delete="SET NULL")', '"order_id", "id"']),
            ("code:text:9:optional:unique-per=buyer_id", ['"buyer_id", "code"', '"violated": GizmoCodeTaken']),
        ],
    )
    def test_the_changed_files_are_formatted(self, gizmos: Path, word: str, lines: list[str]) -> None:
        changed = add(gizmos, "gizmos", word)
        assert Path("app/wire/schemas/gizmos.py") in changed
        for step in (("format", "--check"), ("check", "--config", OWN_NAMES)):
            command = [sys.executable, "-m", "ruff", *step, "."]
            done = subprocess.run(command, cwd=gizmos, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stdout
        model = (gizmos / "app" / "models" / "gizmos.py").read_text()
        assert [each for each in lines if each not in " ".join(model.split())] == []

    def test_the_operations_that_write_declare_its_error(self, gizmos: Path) -> None:  # part: orders
        add(gizmos, "gizmos", "code:text:9:optional:unique")
        add(gizmos, "gizmos", "order:ref=orders:optional")
        service = (gizmos / "app" / "services" / "gizmos.py").read_text()
        declared = dict(re.findall(r"@raises\(([^()]*)\)\n(?:    @\w+\n)*    def (\w+)", service))
        by_method = {method: {*re.findall(r"\w+", errors)} for errors, method in declared.items()}
        new = {"GizmoCodeTaken", "ValidationFailed"}
        assert {method for method, errors in by_method.items() if errors & new} == {"create", "replace"}
        assert all(new <= by_method[method] for method in ("create", "replace"))
        assert "class GizmoCodeTaken(Error)" in (gizmos / "app" / "errs" / "gizmos.py").read_text()

    def test_its_migrations_follow_the_newest_one(self, gizmos: Path) -> None:
        before = ScriptDirectory(str(gizmos / "migrations")).get_current_head()
        add(gizmos, "gizmos", "due:date:optional")
        column = next((gizmos / MIGRATIONS).glob("*[0-9]_due_of_gizmos.py"))
        index = next((gizmos / MIGRATIONS).glob("*_index_due_of_gizmos.py"))
        first, second = (path.name.partition("_")[0] for path in (column, index))
        assert f'down_revision = "{before}"' in column.read_text()
        assert f'down_revision = "{first}"' in index.read_text()
        assert ScriptDirectory(str(gizmos / "migrations")).get_current_head() == second

    @pytest.mark.parametrize(
        ("many", "word", "message"),
        [
            ("gizmos", "memo:text:200", "existing rows have no memo: write memo:text:200:optional"),
            ("gizmos", "number:int:optional", "already has 'number'"),
            ("gizmos", "car:ref=cars:optional", "'cars' does not exist"),
            ("gizmos", "a:int:optional:unique-per=b", "unique-per=b does not name a member"),
            ("gizmos", "a", "is not a member"),
            (
                "sprockets",
                "a:int:optional",
                "app/models/sprockets.py is missing: name a resource of flask new resource",
            ),
            ("orders", "a:int:optional", "app/models/orders.py has no subclass of Resource"),
        ],
    )
    def test_an_invalid_member_is_rejected_and_nothing_is_written(
        self, gizmos: Path, many: str, word: str, message: str
    ) -> None:
        before = contents(gizmos)
        with pytest.raises(ValueError, match=re.escape(message)):
            add(gizmos, many, word)
        assert contents(gizmos) == before
