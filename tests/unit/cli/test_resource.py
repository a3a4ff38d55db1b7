"""``flask new resource``: names it takes, names it refuses, and that it writes all or nothing."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from app.cli import new, resource
from app.cli.resource import LINES, MIGRATIONS, OWN_NAMES, Words, write
from app.config import ROOT

SHARED = [line for line in LINES.read_text().splitlines() if (ROOT / line).is_file()]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Return a checkout, as far as a resource has to do with it."""
    for name in (*SHARED, "pyproject.toml"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    shutil.copytree(ROOT / MIGRATIONS, tmp_path / MIGRATIONS)
    return tmp_path


def contents(tree: Path) -> dict[str, bytes]:
    """Return every file of a tree."""
    return {str(path.relative_to(tree)): path.read_bytes() for path in tree.rglob("*.*") if path.is_file()}


class TestWords:
    @pytest.mark.parametrize(
        ("many", "one"),
        [
            *(("gizmos", "gizmo"), ("gadgets", "gadget"), ("categories", "category"), ("boxes", "box")),
            *(("branches", "branch"), ("houses", "house"), ("addresses", "address"), ("wishes", "wish")),
        ],
    )
    def test_of_many_one_is_known(self, many: str, one: str) -> None:
        assert Words.of(many) == Words(many, one)

    def test_where_it_is_another_word_it_is_named(self) -> None:
        assert Words.of("mice", "mouse") == Words("mice", "mouse")

    @pytest.mark.parametrize(
        ("many", "one"),
        [
            *(("", None), ("s", None), ("Gizmos", None), ("my_gizmos", None), ("my-gizmos", None)),
            *(("gizmos2", None), ("gízmos", None), ("../../etcs", None), ("a gizmos", None), ("gizmos\n", None)),
            *(("gizmosgizmosgizmos", None), ("gizmos", "Gizmo"), ("gizmos", "")),
        ],
    )
    def test_what_is_no_word_is_refused(self, many: str, one: str | None) -> None:
        with pytest.raises(ValueError, match="is not a name for a resource"):
            Words.of(many, one)

    @pytest.mark.parametrize(
        "many", ["classes", "imports", "lists", "types", "references", "services", "units", "paths", "queries"]
    )
    def test_what_means_something_else_is_refused(self, many: str) -> None:
        """A keyword, a builtin, a word of SQL, or a name in the code that would be written."""
        with pytest.raises(ValueError, match="is reserved in"):
            Words.of(many)

    def test_what_is_no_plural_is_refused(self) -> None:
        with pytest.raises(ValueError, match="not a plural"):
            Words.of("sheep")
        with pytest.raises(ValueError, match="not a plural"):
            Words.of("gizmos", "gizmos")


class TestWrite:
    @pytest.mark.parametrize("many", ["aces", "zebras", "counterweights"])
    def test_whatever_the_name_what_is_written_is_tidy(self, tree: Path, many: str) -> None:
        """Where import lines stand, and where lines break, depends on it."""
        written = write(tree, Words.of(many))
        assert {str(path) for path, was_there in written.items() if was_there} == {*SHARED}
        for step in (("format", "--check"), ("check", "--config", OWN_NAMES)):
            command = [sys.executable, "-m", "ruff", *step, "."]
            done = subprocess.run(command, cwd=tree, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stdout

    def test_its_migration_follows_the_newest(self, tree: Path) -> None:
        newest = max(path.name for path in (tree / MIGRATIONS).glob("*.py"))[:4]
        write(tree, Words.of("gizmos"))
        text = (tree / MIGRATIONS / f"{int(newest) + 1:04d}_gizmos.py").read_text()
        assert f'revision = "{int(newest) + 1:04d}"\ndown_revision = "{newest}"\n' in text

    def test_several_stand_beside_one_another(self, tree: Path) -> None:
        for many in ("gizmos", "zebras", "aces"):
            write(tree, Words.of(many))
        text = (tree / "app" / "models" / "__init__.py").read_text()
        assert [text.count(f"    {many},\n") for many in ("gizmos", "zebras", "aces")] == [1, 1, 1]

    def test_what_is_there_is_refused_and_nothing_is_written(self, tree: Path) -> None:
        write(tree, Words.of("gizmos"))
        before = contents(tree)
        with pytest.raises(ValueError, match="already exists"):
            write(tree, Words.of("gizmos"))
        (tree / "app" / "services" / "gizmos.py").unlink()
        with pytest.raises(ValueError, match="already exists"):
            write(tree, Words.of("gizmos"))
        assert contents(tree) == {name: text for name, text in before.items() if name != "app/services/gizmos.py"}

    @pytest.mark.parametrize("many", ["bulkhead", "hooks", "clients"])
    def test_what_a_file_of_all_calls_something_is_refused(self, tree: Path, many: str) -> None:
        before = contents(tree)
        with pytest.raises(ValueError, match=f"already uses the name '{many}'"):
            write(tree, Words(many, "gizmo"))
        assert contents(tree) == before

    @pytest.mark.parametrize("name", SHARED)
    def test_where_a_file_of_all_is_missing_or_strange_nothing_is_written(self, tree: Path, name: str) -> None:
        (tree / name).write_text("")
        before = contents(tree)
        with pytest.raises(ValueError, match=f"{name} has no line similar to"):
            write(tree, Words.of("gizmos"))
        (tree / name).unlink()
        with pytest.raises(ValueError, match=f"{name} is missing"):
            write(tree, Words.of("gizmos"))
        assert contents(tree) == {path: text for path, text in before.items() if path != name}

    def test_without_ruff_nothing_is_written(self, tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(resource, "TIDY", (("no-such-step",),))
        before = contents(tree)
        with pytest.raises(ValueError, match="ruff, which make lint installs, failed"):
            write(tree, Words.of("gizmos"))
        assert contents(tree) == before

    def test_a_table_may_have_been_there_before(self, tree: Path) -> None:
        """Its migrations stay when a resource is taken away."""
        (tree / MIGRATIONS / "0000_gizmos.py").write_text("")
        assert any(path.name.endswith("_gizmos.py") for path in write(tree, Words.of("gizmos")))

    def test_when_writing_fails_half_way_nothing_is_left(self, tree: Path) -> None:
        (tree / "app" / "wire").write_text("a file where a folder has to be")
        before = contents(tree)
        with pytest.raises(ValueError, match="cannot be written"):
            write(tree, Words.of("gizmos"))
        assert contents(tree) == before


class TestCommand:
    @pytest.mark.parametrize(
        ("words", "said"),
        [
            (["Gizmos"], "Error: 'Gizmos' is not a name for a resource, which is a word of 2 to 14 small letters.\n"),
            (["tasks"], "Error: app/errs/tasks.py already exists.\n"),
            (["sheep"], "Error: 'sheep' is not a plural: name the plural, and the singular with --singular.\n"),
        ],
    )
    def test_what_is_refused_is_said_in_one_line(self, words: list[str], said: str) -> None:
        result = CliRunner().invoke(new.group, ["resource", *words])
        assert (result.exit_code, result.output) == (1, said)
