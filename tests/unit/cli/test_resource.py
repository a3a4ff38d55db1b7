"""``flask new resource``: valid and invalid names; the command writes everything or nothing."""

import ast
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory
from click.testing import CliRunner

from app.cli import new
from app.cli.resource import MIGRATIONS, Words, write
from app.cli.resource.design import Design
from app.cli.resource.files import OWN_NAMES
from tests.unit.cli.checkout import RICH, SHARED, SHARED_BY_TRANSITIONS, contents

pytestmark = pytest.mark.slow


def head(tree: Path) -> str | None:
    """Return the newest migration of a tree."""
    return ScriptDirectory(str((tree / MIGRATIONS).parent)).get_current_head()


def files(tree: Path) -> Iterator[Path]:
    """Yield every file of a tree but those that Python caches."""
    return (path for path in tree.rglob("*.*") if path.is_file() and path.suffix != ".pyc")


class TestWords:
    @pytest.mark.parametrize(
        ("many", "one"),
        [
            *(("gizmos", "gizmo"), ("gadgets", "gadget"), ("categories", "category"), ("boxes", "box")),
            *(("branches", "branch"), ("houses", "house"), ("addresses", "address"), ("wishes", "wish")),
        ],
    )
    def test_the_singular_is_derived_from_a_known_plural(self, many: str, one: str) -> None:
        assert Words.of(many) == Words(many, one)

    def test_an_irregular_singular_is_given(self) -> None:
        assert Words.of("mice", "mouse") == Words("mice", "mouse")

    @pytest.mark.parametrize(
        ("many", "one"),
        [
            *(("", None), ("s", None), ("Gizmos", None), ("my_gizmos", None), ("my-gizmos", None)),
            *(("gizmos2", None), ("gízmos", None), ("../../etcs", None), ("a gizmos", None), ("gizmos\n", None)),
            *(("gizmosgizmosgizmos", None), ("gizmos", "Gizmo"), ("gizmos", "")),
        ],
    )
    def test_an_invalid_word_is_rejected(self, many: str, one: str | None) -> None:
        with pytest.raises(ValueError, match="is not a name for a resource"):
            Words.of(many, one)

    @pytest.mark.parametrize(
        "many", ["classes", "imports", "lists", "types", "references", "services", "units", "queries"]
    )
    def test_a_reserved_word_is_rejected(self, many: str) -> None:
        """Keywords, builtins, SQL words, and names that the written code uses."""
        with pytest.raises(ValueError, match="is reserved in"):
            Words.of(many)

    def test_a_word_that_is_not_a_plural_is_rejected(self) -> None:
        with pytest.raises(ValueError, match="not a plural"):
            Words.of("sheep")
        with pytest.raises(ValueError, match="not a plural"):
            Words.of("gizmos", "gizmos")


def _imported(statement: ast.ImportFrom) -> set[str]:
    return {each.name for each in statement.names}


class TestWrite:
    @pytest.mark.parametrize("many", ["aces", "zebras", "counterweights"])
    @pytest.mark.parametrize(("design", "shared"), [(None, SHARED), (RICH, SHARED_BY_TRANSITIONS)])
    def test_the_written_code_is_formatted_for_any_name(
        self, tree: Path, many: str, design: Design | None, shared: list[str]
    ) -> None:
        """The name decides the order of imports and the line breaks."""
        written = write(tree, Words.of(many), design)
        assert {str(path) for path, was_there in written.items() if was_there} == {*shared}
        for step in (("format", "--check"), ("check", "--config", OWN_NAMES)):
            command = [sys.executable, "-m", "ruff", *step, "."]
            done = subprocess.run(command, cwd=tree, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stdout

    @pytest.mark.parametrize("many", ["aces", "zebras"])
    def test_its_modules_are_imported_from_their_packages(self, tree: Path, many: str) -> None:
        """A shared file has similar lines in several statements."""
        changed = [path for path in write(tree, Words.of(many)) if path.suffix == ".py"]
        imports = [each for path in changed for each in ast.walk(ast.parse((tree / path).read_text()))]
        packages = [each.module for each in imports if isinstance(each, ast.ImportFrom) and many in _imported(each)]
        assert {"app.errs", "app.models", "app.rest.handlers"} <= {*packages}
        assert all((tree / str(package).replace(".", "/") / f"{many}.py").is_file() for package in packages)

    def test_its_migration_follows_the_newest_one(self, tree: Path) -> None:
        newest = head(tree)
        write(tree, Words.of("gizmos"))
        (made,) = (tree / MIGRATIONS).glob("*_gizmos.py")
        revision = made.name.removesuffix("_gizmos.py")
        assert f'revision = "{revision}"\ndown_revision = "{newest}"\n' in made.read_text()
        assert newest is not None
        assert head(tree) == revision > newest

    def test_colleagues_get_different_revisions(self, tree: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
        made = []
        for many in ("gizmos", "zebras"):
            other = shutil.copytree(tree, tmp_path_factory.mktemp(many) / "tree")
            write(other, Words.of(many))
            made.append(next((other / MIGRATIONS).glob(f"*_{many}.py")))
        for path in made:
            shutil.copy(path, tree / MIGRATIONS)
        with pytest.raises(ValueError, match="2 heads instead of one: run flask db merge heads"):
            write(tree, Words.of("aces"))

    def test_several_resources_can_be_written(self, tree: Path) -> None:
        for many in ("gizmos", "zebras", "aces"):
            write(tree, Words.of(many))
        text = (tree / "app" / "models" / "__init__.py").read_text()
        assert [text.count(f"    {many},\n") for many in ("gizmos", "zebras", "aces")] == [1, 1, 1]

    def test_an_existing_name_is_rejected_and_nothing_is_written(self, tree: Path) -> None:
        write(tree, Words.of("gizmos"))
        before = contents(tree)
        with pytest.raises(ValueError, match="already exists"):
            write(tree, Words.of("gizmos"))
        (tree / "app" / "services" / "gizmos.py").unlink()
        with pytest.raises(ValueError, match="already exists"):
            write(tree, Words.of("gizmos"))
        assert contents(tree) == {name: text for name, text in before.items() if name != "app/services/gizmos.py"}

    @pytest.mark.parametrize("many", ["bulkhead", "converters", "clients"])
    def test_a_name_that_a_shared_file_uses_is_rejected(self, tree: Path, many: str) -> None:
        before = contents(tree)
        with pytest.raises(ValueError, match=f"already uses the name '{many}'"):
            write(tree, Words(many, "gizmo"))
        assert contents(tree) == before

    @pytest.mark.parametrize("name", SHARED)
    def test_a_missing_or_unknown_shared_file_prevents_writing(self, tree: Path, name: str) -> None:
        (tree / name).write_text("")
        before = contents(tree)
        with pytest.raises(ValueError, match=f"{name} has no line similar to"):
            write(tree, Words.of("gizmos"))
        (tree / name).unlink()
        with pytest.raises(ValueError, match=f"{name} is missing"):
            write(tree, Words.of("gizmos"))
        assert contents(tree) == {path: text for path, text in before.items() if path != name}

    def test_without_ruff_nothing_is_written(self, tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("app.cli.resource.files.TIDY", (("no-such-step",),))
        before = contents(tree)
        with pytest.raises(ValueError, match="ruff, which make lint installs, failed"):
            write(tree, Words.of("gizmos"))
        assert contents(tree) == before

    def test_an_existing_table_is_kept(self, tree: Path) -> None:
        """Its migrations stay when a resource is removed."""
        newest = head(tree)
        (tree / MIGRATIONS / f"{newest}1_gizmos.py").write_text(f"revision, down_revision = '{newest}1', '{newest}'")
        assert any(path.name.endswith("_gizmos.py") for path in write(tree, Words.of("gizmos")))

    def test_a_failed_write_leaves_nothing(self, tree: Path) -> None:
        (tree / "app" / "wire").write_text("a file where a folder has to be")
        before = contents(tree)
        with pytest.raises(ValueError, match="cannot be written"):
            write(tree, Words.of("gizmos"))
        assert contents(tree) == before


class TestDesign:
    def test_the_default_is_a_title(self) -> None:
        assert [each.name for each in Design.of("gizmos").members] == ["title"]

    def test_the_owner_is_the_creator_unless_a_unique_member_names_another_column(self) -> None:
        assert (RICH.owner, Design.of("gizmos", is_owned=True).owner) == ("buyer_id", "created_by")
        assert Design.of("gizmos", ["number:text:20:unique-per=created_by"], is_owned=True).owner == "created_by"

    @pytest.mark.parametrize(
        ("words", "message"),
        [
            (["number"], "'number' is not a member: write NAME:TYPE with text:LENGTH, int"),
            (["number:string"], "'number:string' is not a member"),
            (["number:text"], "'number:text' needs a length from 1 to 10000: number:text:200"),
            (["number:text:long"], "needs a length"),
            (["number:text:20:uniqe"], "has an unknown option"),
            (["number:int:unique-per="], "has an unknown option"),
            (["number:text:20:unique-per=customer"], "unique-per=customer does not name a member"),
            (["order:ref"], "needs a resource: order:ref=orders"),
            (["status:enum=draft"], "needs two or more different values: status:enum=draft,sent"),
            (["status:enum=draft,draft"], "two or more different values"),
            (["status:enum=draft,sent:optional"], "can't be optional: add a value for its absence"),
            (["Number:int"], "'Number' is not a name: use up to 20 small letters"),
            (["n" * 21 + ":int"], "is not a name"),
            (["version:int"], "the name 'version' is reserved in Python or in every resource"),
            (["class:int"], "is reserved in Python"),
            (["a:int", "a:bool"], "two members have the same name"),
        ],
    )
    def test_an_invalid_member_is_rejected_with_the_correct_form(self, words: list[str], message: str) -> None:
        with pytest.raises(ValueError, match=re.escape(message)):
            Design.of("gizmos", words)

    @pytest.mark.parametrize(
        ("transition", "message"),
        [
            ("send", "is not a transition: write send=draft:sent"),
            ("send=draft", "is not a transition"),
            ("send=draft:lost", "is not a transition"),
            ("delete=draft:sent", "'delete' is an operation of every resource"),
            ("Send=draft:sent", "'Send' is not a name"),
        ],
    )
    def test_an_invalid_transition_is_rejected(self, transition: str, message: str) -> None:
        with pytest.raises(ValueError, match=re.escape(message)):
            Design.of("gizmos", ["status:enum=draft,sent"], transitions=[transition])

    def test_a_reference_to_an_unknown_resource_is_rejected(self, tree: Path) -> None:
        before = contents(tree)
        with pytest.raises(ValueError, match=r"'cars' does not exist: app/models/cars.py is missing"):
            write(tree, Words.of("gizmos"), Design.of("gizmos", ["car:ref=cars"]))
        assert contents(tree) == before


class TestCommand:
    @pytest.mark.parametrize(
        ("words", "said"),
        [
            (["Gizmos"], "Error: 'Gizmos' is not a name for a resource, which is a word of 2 to 14 small letters.\n"),
            (["tasks"], "Error: app/errs/tasks.py already exists.\n"),
            (["gizmos", "a:text"], "Error: 'a:text' needs a length from 1 to 10000: a:text:200.\n"),
            (["sheep"], "Error: 'sheep' is not a plural: name the plural, and the singular with --singular.\n"),
        ],
    )
    def test_a_rejection_is_one_line(self, words: list[str], said: str) -> None:
        result = CliRunner().invoke(new.group, ["resource", *words])
        assert (result.exit_code, result.output) == (1, said)
