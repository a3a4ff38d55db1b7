"""``make upstream`` in small repositories: changed files, kept files, conflicts and errors."""

import ast
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from app.config import ROOT
from forks.__main__ import HISTORY as _HISTORY
from forks.answers import Answers
from forks.upstream import BRANCH
from tests.forks.small import VERSIONS, Repository, forked, made, migration, table

pytestmark = [pytest.mark.skipif(Answers.read(ROOT) is not None, reason="make init has run"), pytest.mark.slow]
HISTORY = str(_HISTORY)
PAGE = ROOT / "docs" / "change" / "stay-current.md"
MANIFEST = "deploy/kubernetes/overlays/production/kustomization.yaml"
SHELF = 'op.add_column("tasks", sa.Column("shelf", sa.Text()))'


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with both repositories, which each test copies."""
    folder = tmp_path_factory.mktemp("begun")
    forked(made(folder / "candor"), folder / "acme")
    return folder


@pytest.fixture
def upstream(begun: Path, tmp_path: Path) -> Repository:
    return Repository(Path(shutil.copytree(begun / "candor", tmp_path / "candor")))


@pytest.fixture
def fork(begun: Path, tmp_path: Path) -> Repository:
    return Repository(Path(shutil.copytree(begun / "acme", tmp_path / "acme")))


def merged(fork: Repository, upstream: Repository) -> str:
    """Merge, without a conflict, and return the output."""
    done = fork.upstream(upstream)
    assert (done.status, done.reason) == (0, ""), done
    assert fork.git("status", "--porcelain") == ""
    return done.output


def heads(fork: Repository) -> set[str]:
    """Return the revisions that no other follows, read without Alembic."""
    facts = []
    for path in (fork.root / VERSIONS).glob("*.py"):
        found = {
            target.id: ast.literal_eval(each.value)
            for each in ast.parse(path.read_text()).body
            if isinstance(each, ast.Assign)
            for target in each.targets
            if isinstance(target, ast.Name)
        }
        facts.append((found["revision"], found["down_revision"]))
    before = {name for _, down in facts for name in ([down] if isinstance(down, str) else down or ())}
    return {revision for revision, _ in facts} - before


@dataclass(frozen=True)
class Pair:
    """Both repositories after the merge, and the output of the command."""

    upstream: Repository
    fork: Repository
    output: str


def develop(fork: Repository) -> None:
    """Add a resource with a migration to a fork, and its lines in files that upstream has too."""
    fork.commit(migration("2026120500000000", "0002", table("invoices"), since="0002"))
    fork.commit(fork.edited("README.md", "## Start", "Acme sells things.\n\n## Start"))
    fork.commit(fork.edited("CHANGELOG.md", "(0.1.0)\n", "(0.1.0)\n\n- **Added:** invoices.\n"))
    fork.commit(fork.edited("app/config/__init__.py", "0.1.0", "3.0.0") | fork.edited(MANIFEST, "0.1.0", "3.0.0"))
    fork.commit({"contract/openapi.json": '{"title": "Acme Orders", "invoices": {}}\n'})
    fork.commit(fork.edited("deploy/server.conf", "line 3.", "line 3, and invoices."))
    fork.commit(fork.edited("app/config/__init__.py", "PORT = 8000", "PORT = 9000"))


def release(upstream: Repository) -> None:
    """Add sixty commits to upstream, among them each kind of change."""
    for number in range(1, 47):
        upstream.commit({f"notes/note_{number}.md": f"Candor, note {number}.\n"})
    upstream.commit(upstream.edited("deploy/candor@.service", "Candor, line 9.", "Candor, better line 9."))
    upstream.commit(upstream.edited("deploy/server.conf", "line 15.", "line 15, with candor.LOCK."))
    upstream.commit(upstream.edited("README.md", "It is Candor.", "It is Candor, and faster."))
    upstream.commit(upstream.edited("CHANGELOG.md", "- Changed: candor.", "- Changed: candor.\n- Added: a setting."))
    upstream.commit(upstream.edited("UPGRADING.md", "fork\n", "fork\n\n## A setting\n\nSet it in candor.\n"))
    upstream.commit(upstream.edited("app/config/__init__.py", "LAST = 1\n", "LAST = 1\nCANDOR_SETTING = 5\n"))
    upstream.commit(upstream.edited("requirements/run.lock", "flask==3.1.3", "flask==3.1.4"))
    upstream.commit({"contract/openapi.json": '{"title": "Candor", "shelf": {}}\n'})
    upstream.commit(migration("2026120100000000", "0002", SHELF, since="0001"))
    upstream.commit(upstream.edited(f"{VERSIONS}/0001_made.py", "A migration.", "The first migration."))
    upstream.commit(upstream.edited(HISTORY, "of Candor", "of all releases of Candor"))
    upstream.commit({"deploy/other.conf": None, "deploy/candor_pages.conf": upstream.text("deploy/other.conf")})
    upstream.commit({"deploy/candor.socket": "Candor\n", "deploy/old.conf": None})
    upstream.commit(
        upstream.edited("app/config/__init__.py", "0.1.0", "0.2.0") | {MANIFEST: "newTag: v0.2.0\nreplicas: 3\n"}
    )


@pytest.fixture(scope="module")
def pair(begun: Path, tmp_path_factory: pytest.TempPathFactory) -> Pair:
    """Return a fork that has taken over sixty commits."""
    folder = tmp_path_factory.mktemp("pair")
    upstream, fork = (Repository(Path(shutil.copytree(begun / each, folder / each))) for each in ("candor", "acme"))
    develop(fork)
    release(upstream)
    return Pair(upstream, fork, command(fork, upstream))


def command(fork: Repository, upstream: Repository) -> str:
    """Run the command itself, and return its output."""
    words = [sys.executable, "-m", "forks", "upstream", "--from", str(upstream.root)]
    done = subprocess.run(words, cwd=fork.root, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, ""), done
    return done.stdout


class TestSixtyCommits:
    """A fork with a resource takes over each kind of change without a conflict."""

    def test_ordinary_changes_come_with_the_name_of_the_fork(self, pair: Pair) -> None:
        fork, output = pair.fork, pair.output
        assert "Candor has 60 commits after" in output
        assert fork.text("deploy/acme@.service").splitlines()[8] == "Acme Orders, better line 9."
        assert fork.text("deploy/server.conf").splitlines()[2::12] == [
            "Acme Orders, line 3, and invoices.",
            "Acme Orders, line 15, with acme.LOCK.",
        ]
        assert fork.text("notes/note_46.md") == "Acme Orders, note 46.\n"
        assert fork.text("deploy/acme.socket") == "Acme Orders\n"
        assert fork.text("deploy/acme_pages.conf").startswith("Acme Orders, line 1.")
        assert fork.text("app/config/__init__.py").splitlines() == [
            "PORT = 9000",
            "",
            'VERSION: Final = "3.0.0"',
            "",
            "LAST = 1",
            "ACME_SETTING = 5",
        ]
        assert fork.text("requirements/run.lock") == "flask==3.1.4\n"
        for gone in ("deploy/other.conf", "deploy/old.conf", HISTORY):
            assert not (fork.root / gone).exists()
        assert not list(fork.root.glob("**/*candor*"))

    def test_documents_contract_and_version_are_those_of_the_fork(self, pair: Pair) -> None:
        fork, output = pair.fork, pair.output
        assert fork.git("diff", "--name-only", "HEAD^1", "HEAD", "--", "README.md", "CHANGELOG.md", "contract") == ""
        assert fork.text(MANIFEST) == "newTag: v3.0.0\nreplicas: 3\n"
        assert "Set it in acme." in fork.text("UPGRADING.md")
        for name in ("UPGRADING.md", "CHANGELOG.md"):
            (command,) = (
                each.partition("read the difference: ")[2] for each in output.splitlines() if each.endswith(name)
            )
            assert "setting" in fork.git(*command.removeprefix("git ").split())

    def test_the_page_shows_the_output(self, pair: Pair) -> None:
        """Of ``docs/change/stay-current.md``; another test has the output of a conflict."""
        shown = PAGE.read_text().split("```")[1].splitlines()[4:]
        for line in shown:
            pattern = re.sub("[0-9a-f]{8,}|[0-9]+", "[0-9a-f]+", re.escape(line))
            assert re.search(f"(?m)^{pattern}$", pair.output), line
        assert len(shown) == len(pair.output.splitlines())

    def test_the_release_is_recorded(self, pair: Pair) -> None:
        fork = pair.fork
        answers = Answers.read(fork.root)
        assert answers is not None
        assert (answers.version, answers.commit) == ("0.2.0", pair.upstream.git("rev-parse", "HEAD"))

    def test_applied_migrations_stay_and_there_is_one_head(self, pair: Pair) -> None:
        fork, output = pair.fork, pair.output
        changed = fork.git("diff", "--name-status", "HEAD^1", "HEAD", "--", VERSIONS).split("\n")
        (head,) = heads(fork)
        assert changed == [f"A\t{VERSIONS}/2026120100000000_made.py", f"A\t{VERSIONS}/{head}_upstream.py"]
        assert f"{VERSIONS}/{head}_upstream.py joins your migrations and the new ones" in output
        text = fork.text(f"{VERSIONS}/{head}_upstream.py")
        assert 'down_revision = ("2026120100000000", "2026120500000000")' in text
        assert 'compatible_since = "2026120500000000"' in text

    def test_the_vendor_branch_differs_by_the_work_of_the_fork_only(self, pair: Pair) -> None:
        fork = pair.fork
        (head,) = heads(fork)
        assert fork.git("diff", "--name-only", BRANCH, "HEAD").split("\n") == [
            "app/config/__init__.py",
            "app/invoices.py",
            "deploy/server.conf",
            f"{VERSIONS}/2026120500000000_made.py",
            f"{VERSIONS}/{head}_upstream.py",
        ]

    def test_nothing_is_left_behind(self, pair: Pair) -> None:
        fork = pair.fork
        assert len(fork.git("worktree", "list").splitlines()) == 1
        assert "replace" not in fork.git("for-each-ref")


class TestAgain:
    def test_nothing_is_done_without_a_new_commit(self, upstream: Repository, fork: Repository) -> None:
        before = fork.state()
        assert "nothing to do: this repository has" in merged(fork, upstream)
        assert fork.state() == before

    @pytest.mark.nightly
    def test_a_second_release(self, upstream: Repository, fork: Repository) -> None:
        fork.commit(migration("2026120500000000", "0002", table("invoices"), since="0002"))
        upstream.commit(migration("2026120100000000", "0002", SHELF, since="0002"))
        merged(fork, upstream)
        (first,) = heads(fork)
        before = fork.git("ls-tree", "HEAD", "--", f"{VERSIONS}/")
        upstream.commit(migration("2026120200000000", "2026120100000000", "pass"))
        upstream.commit(upstream.edited("deploy/server.conf", "line 3.", "line three."))
        merged(fork, upstream)
        (second,) = heads(fork)
        assert f'("{"2026120200000000"}", "{first}")' in fork.text(f"{VERSIONS}/{second}_upstream.py")
        assert set(before.splitlines()) < set(fork.git("ls-tree", "HEAD", "--", f"{VERSIONS}/").splitlines())
        assert "Acme Orders, line three." in fork.text("deploy/server.conf")

    @pytest.mark.nightly
    @pytest.mark.parametrize("lost", ["branch", "history"])
    def test_in_the_clone_of_a_colleague_and_after_a_squashed_merge(
        self, upstream: Repository, fork: Repository, tmp_path: Path, lost: str
    ) -> None:
        """The vendor branch is made again of what ``fork.toml`` records."""
        fork.commit(fork.edited("deploy/server.conf", "line 18.", "line eighteen."))
        upstream.commit(upstream.edited("deploy/server.conf", "line 3.", "line three."))
        merged(fork, upstream)
        if lost == "history":
            fork.git("reset", "--quiet", "--soft", "HEAD^1")
            fork.commit({}, f"Squashed\n\nUpstream-Commit: {upstream.git('rev-parse', 'HEAD')}")
        clone = Repository(tmp_path / "clone")
        subprocess.run(["git", "clone", "--quiet", str(fork.root), str(clone.root)], check=True)
        clone.identify()
        upstream.commit(upstream.edited("deploy/server.conf", "line three.", "line 3 again."))
        merged(clone, upstream)
        assert "Acme Orders, line 3 again." in clone.text("deploy/server.conf")
        assert "Acme Orders, line eighteen." in clone.text("deploy/server.conf")

    @pytest.mark.nightly
    def test_after_a_merge_by_hand(self, upstream: Repository, fork: Repository) -> None:
        """The merge compares two states of upstream with the name of the fork, whatever the history has."""
        upstream.commit(upstream.edited("deploy/server.conf", "line 3.", "line three."))
        fork.git("fetch", "--quiet", str(upstream.root))
        fork.git("merge", "--quiet", "--strategy", "ours", "FETCH_HEAD")
        upstream.commit(upstream.edited("deploy/server.conf", "line 18.", "line eighteen."))
        merged(fork, upstream)
        assert fork.text("deploy/server.conf").count("three") == fork.text("deploy/server.conf").count("eighteen") == 1

    @pytest.mark.nightly
    def test_commits_before_init_are_kept(self, upstream: Repository, tmp_path: Path) -> None:
        early = Repository(Path(shutil.copytree(upstream.root, tmp_path / "early")))
        early.commit({"app/early.py": "EARLY = 1\n"})
        fork = forked(early, tmp_path / "fork")
        upstream.commit(upstream.edited("deploy/server.conf", "line 3.", "line three."))
        merged(fork, upstream)
        assert fork.text("app/early.py") == "EARLY = 1\n"
        assert "line three." in fork.text("deploy/server.conf")


class TestConflicts:
    def test_only_in_files_that_the_fork_has_changed(self, upstream: Repository, fork: Repository) -> None:
        """They are ordinary conflicts of git: resolved, added and committed, the merge is complete."""
        fork.commit(migration("2026120500000000", "0002", table("invoices")))
        fork.commit(fork.edited("deploy/server.conf", "line 3.", "line III."))
        upstream.commit(migration("2026120100000000", "0002", SHELF, since="0002"))
        upstream.commit(upstream.edited("deploy/server.conf", "line 3.", "line three."))
        upstream.commit(upstream.edited("deploy/candor@.service", "line 3.", "line three."))
        done = fork.upstream(upstream)
        assert done.status == 1
        reported = done.output.partition("you and upstream")
        assert "".join(reported[1:]).replace("\n", "\nupstream: ") in PAGE.read_text()
        assert reported[2].count("\n") == 2
        assert fork.git("diff", "--name-only", "--diff-filter=U") == "deploy/server.conf"
        assert "<<<<<<< HEAD\nAcme Orders, line III.\n=======\nAcme Orders, line three.\n>>>>>>> " in fork.text(
            "deploy/server.conf"
        )
        fork.git("checkout", "--theirs", "deploy/server.conf")
        fork.git("add", "deploy/server.conf")
        fork.git("commit", "--quiet", "--no-edit")
        assert len(heads(fork)) == 1
        assert fork.git("rev-parse", "HEAD^2") == fork.git("rev-parse", BRANCH)
        assert "nothing to do" in merged(fork, upstream)

    @pytest.mark.nightly
    def test_of_imports_are_resolved(self, upstream: Repository, fork: Repository) -> None:
        """Next to an import that the fork has added, upstream has renamed one and removed another."""
        fork.commit(fork.edited("app/wiring.py", "import failures\n", "import failures\nfrom app import invoices\n"))
        fork.commit(fork.edited("app/wiring.py", "import movies\n", "import movies, reviews\n"))
        upstream.commit(upstream.edited("app/wiring.py", "import failures\n", "import failed_requests\n"))
        upstream.commit(upstream.edited("app/wiring.py", "from app import jobs\n", ""))
        merged(fork, upstream)
        expected = ["failed_requests", "invoices", "movies, reviews"]
        assert re.findall("(?m)^from app import (.*)$", fork.text("app/wiring.py")) == expected

    @pytest.mark.nightly
    def test_of_imports_and_other_lines_are_left(self, upstream: Repository, fork: Repository) -> None:
        fork.commit(fork.edited("app/wiring.py", "import failures\n", "import failures\nfrom app import invoices\n"))
        fork.commit(fork.edited("app/wiring.py", "WIRED = 1", "WIRED = 2"))
        upstream.commit(upstream.edited("app/wiring.py", "import failures\n", "import failed_requests\n"))
        upstream.commit(upstream.edited("app/wiring.py", "WIRED = 1", "WIRED = 3"))
        assert fork.upstream(upstream).status == 1
        assert fork.git("diff", "--name-only", "--diff-filter=U") == "app/wiring.py"
        assert "<<<<<<< HEAD\nfrom app import failures\nfrom app import invoices\n" in fork.text("app/wiring.py")

    @pytest.mark.nightly
    def test_an_aborted_merge_can_be_repeated(self, upstream: Repository, fork: Repository) -> None:
        fork.commit(migration("2026120500000000", "0002", table("invoices")))
        head = fork.commit(fork.edited("deploy/server.conf", "line 3.", "line III."))
        upstream.commit(
            migration("2026120100000000", "0002", SHELF)
            | upstream.edited("deploy/server.conf", "line 3.", "line three.")
        )
        assert fork.upstream(upstream).status == 1
        assert "a merge is not finished" in fork.upstream(upstream).reason
        fork.git("merge", "--abort")
        assert (fork.git("rev-parse", "HEAD"), fork.git("status", "--porcelain")) == (head, "")
        fork.commit(fork.edited("deploy/server.conf", "line III.", "line 3."))
        merged(fork, upstream)
        assert "line three." in fork.text("deploy/server.conf")

    @pytest.mark.nightly
    def test_in_migrations(self, upstream: Repository, fork: Repository) -> None:
        """Both have added a file with the same name."""
        (text,) = migration("2026120500000000", "0002").values()
        fork.commit({f"{VERSIONS}/2026120100000000_made.py": text})
        upstream.commit(migration("2026120100000000", "0002", SHELF))
        done = fork.upstream(upstream)
        assert "after you have edited the migrations, run `flask db merge heads`" in done.output


class TestMigrations:
    @pytest.mark.nightly
    def test_without_own_ones_there_is_no_merge_revision(self, upstream: Repository, fork: Repository) -> None:
        upstream.commit(migration("2026120100000000", "0002", SHELF))
        merged(fork, upstream)
        assert heads(fork) == {"2026120100000000"}

    @pytest.mark.nightly
    @pytest.mark.parametrize(("since", "expected"), [("0002", "2026120500000000"), ("2026120100000000", "")])
    def test_the_merge_revision_declares_whether_the_former_code_runs_on_the_schema(
        self, upstream: Repository, fork: Repository, since: str, expected: str
    ) -> None:
        """A later ID of the fork does not mean that its code knows the earlier migration of upstream."""
        fork.commit(migration("2026120500000000", "0002", table("invoices")))
        upstream.commit(migration("2026120100000000", "0002", SHELF, since=since))
        merged(fork, upstream)
        (head,) = heads(fork)
        assert f'compatible_since = "{expected or head}"' in fork.text(f"{VERSIONS}/{head}_upstream.py")

    def test_statements_about_tables_that_were_removed_are_left_out(self, upstream: Repository, tmp_path: Path) -> None:
        fork = forked(upstream, tmp_path / "thin", tables=("tasks",))
        statements = (
            SHELF,
            'op.execute("UPDATE movies SET title = title")',
            'for name in ("title", "year"):\n        op.create_index(f"ix_movies_{name}", "movies", [name])',
            table("movie_reviews", 'sa.Column("movie_id", sa.Uuid(), sa.ForeignKey("movies.id"))'),
            'op.create_index("ix_movie_reviews_movie_id", "movie_reviews", ["movie_id"])',
        )
        upstream.commit(
            migration("2026120100000000", "0002", "\n    ".join(statements), downgrade='op.drop_table("movie_reviews")')
        )
        upstream.commit(migration("2026120200000000", "2026120100000000", 'op.drop_table("movie_reviews")'))
        output = merged(fork, upstream)
        text = fork.text(f"{VERSIONS}/2026120100000000_made.py")
        assert SHELF in text
        assert "movie" not in text
        assert "movie" not in fork.text(f"{VERSIONS}/2026120200000000_made.py")
        assert f"{VERSIONS}/2026120100000000_made.py lost 5 statements about tables that you do not have" in output
        compile(text, "migration", "exec")

    @pytest.mark.nightly
    def test_of_a_table_that_the_fork_dropped_later(self, upstream: Repository, fork: Repository) -> None:
        """Migrations that it has already, and may have applied, stay as they are."""
        about = 'op.create_index("ix_movies_year", "movies", ["year"])'
        upstream.commit(migration("2026120100000000", "0002", about))
        merged(fork, upstream)
        fork.commit(
            migration("2026120500000000", "2026120100000000", 'op.drop_table("movies")', downgrade=table("movies"))
        )
        upstream.commit(migration("2026120200000000", "2026120100000000", about))
        merged(fork, upstream)
        assert about in fork.text(f"{VERSIONS}/2026120100000000_made.py")
        assert about not in fork.text(f"{VERSIONS}/2026120200000000_made.py")


@pytest.mark.nightly
def test_packages_that_only_the_release_needs_are_installed_apart(upstream: Repository, fork: Repository) -> None:
    """Generators of files import the application, which can need them."""
    module = upstream.text("forks/regenerating.py").replace("    pass\n", "    assert (root / '.venv').is_dir()\n")
    script = "'#!/bin/sh\\nexec $(PYTHON) \"$$@\"\\n'"
    rule = f".venv/dev.lock:\n\tmkdir -p .venv/bin; printf {script} > .venv/bin/python; chmod +x .venv/bin/python\n"
    upstream.commit({"forks/regenerating.py": module, "requirements/dev.lock": "new==1\n", "Makefile": rule})
    assert "needs other packages, which are installed in a temporary folder" in merged(fork, upstream)
    assert fork.text("requirements/dev.lock") == "new==1\n"


class TestRejections:
    """An error changes nothing, and has a sentence."""

    def test_uncommitted_changes(self, upstream: Repository, fork: Repository) -> None:
        (fork.root / "mine.txt").write_text("mine")
        self.rejected(fork, upstream, "there are uncommitted changes: commit or stash them first")

    def test_before_init(self, upstream: Repository) -> None:
        self.rejected(upstream, upstream, "there is no fork.toml: run `make init` first")

    def test_no_upstream_there(self, fork: Repository, tmp_path: Path) -> None:
        self.rejected(fork, Repository(tmp_path / "nowhere"), "git fetch failed: ")

    def test_no_such_release(self, upstream: Repository, fork: Repository) -> None:
        self.rejected(fork, upstream, "git fetch failed: ", target="v9")

    def test_another_repository(self, fork: Repository, tmp_path: Path) -> None:
        other = Repository(tmp_path / "other")
        other.root.mkdir()
        other.git("init", "--quiet")
        other.identify()
        other.commit({"a.txt": "a"})
        self.rejected(fork, other, "git merge-base failed")

    def test_another_branch_with_the_name(self, upstream: Repository, fork: Repository) -> None:
        fork.git("branch", BRANCH)
        upstream.commit({"a.txt": "a"})
        self.rejected(fork, upstream, "there is another branch 'vendor', which this command needs: rename it")

    @pytest.mark.nightly
    def test_a_release_on_which_init_fails(self, upstream: Repository, fork: Repository) -> None:
        upstream.commit({"pyproject.toml": "[project"})
        self.rejected(fork, upstream, "`make init` of ")

    @pytest.mark.nightly
    def test_migrations_with_which_the_fork_did_not_begin(self, upstream: Repository, fork: Repository) -> None:
        fork.commit({f"{VERSIONS}/0002_made.py": None, **migration("0099", None)})
        upstream.commit({"a.txt": "a"})
        self.rejected(fork, upstream, "upstream has no migration 0099, with which those of this repository begin")

    @pytest.mark.nightly
    def test_a_migration_with_the_same_id(self, upstream: Repository, fork: Repository) -> None:
        (text,) = migration("0003", "0002").values()
        fork.commit({f"{VERSIONS}/0003_mine.py": text})
        upstream.commit({f"{VERSIONS}/0003_made.py": text})
        self.rejected(fork, upstream, "0003_made.py of upstream and your 0003_mine.py have the same ID")

    @pytest.mark.nightly
    def test_a_merge_that_git_does_not_begin(self, upstream: Repository, fork: Repository) -> None:
        upstream.commit({"a.txt": "a"})
        (fork.root / ".git" / "index.lock").touch()
        self.rejected(fork, upstream, "git merge failed: ")

    @staticmethod
    def rejected(fork: Repository, upstream: Repository, sentence: str, target: str = "HEAD") -> None:
        before = fork.state()
        done = fork.upstream(upstream, target)
        assert done.status == 2
        assert sentence in done.reason
        assert fork.state() == before
        assert len(fork.git("worktree", "list").splitlines()) == 1
