"""``make upstream``: merges a later release of upstream into a repository that ``make init`` has changed.

The branch ``vendor`` has upstream as ``make init`` would make it: one commit for each release that was merged. What
differs between two of them is what upstream has changed, with the names of the fork and without what it has removed.
"""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from forks import import_conflicts, merge_revision
from forks.answers import FILE, Answers
from forks.git import attempt, git, is_true
from forks.worktrees import checked_out

BRANCH: Final = "vendor"
BRANCH_REF: Final = f"refs/heads/{BRANCH}"
TRAILER: Final = "Upstream-Commit"
LOCK: Final = "requirements/dev.lock"
_PRIVATE: Final = {"GIT_REPLACE_REF_BASE": "refs/upstream/replace/"}
"""Replaced parents are seen by commands with this variable only."""


@dataclass(frozen=True)
class Update:
    """One run in a repository."""

    root: Path
    report: Callable[[str], None]

    def run(self, source: str, target: str) -> bool:
        """Merge a release, and return whether the merge is committed; otherwise there are conflicts.

        Args:
            source: the URL, path or remote of upstream.
            target: a branch, a tag or a commit there.

        Raises:
            RuntimeError: nothing was changed, for the reason in the text.
        """
        answers = self._checked()
        self._git("fetch", "--quiet", "--no-tags", "--", source, target)
        new = self._git("rev-parse", "FETCH_HEAD^{commit}")
        if not self._has(answers.commit):
            self._git("fetch", "--quiet", "--no-tags", "--", source, answers.commit)
        old, before = answers.commit, self._vendor_commit(answers.commit)
        if before is None:
            old = self._git("merge-base", answers.commit, new)  # the fork may have had commits before `make init`
        if is_true(self.root, "merge-base", "--is-ancestor", new, answers.commit):
            self.report(f"nothing to do: this repository has {new[:8]} of {answers.upstream.title} already")
            return True
        count = int(self._git("rev-list", "--count", f"{old}..{new}"))
        self.report(f"{answers.upstream.title} has {counted(count, 'commit')} after {old[:8]}")
        before = before or self._made(old, answers, parents=(old,), quiet=True)
        after = self._made(new, answers, parents=(before, new))
        return self._merge(answers, old, new, before, after)

    def _checked(self) -> Answers:
        answers = Answers.read(self.root)
        if answers is None:
            raise RuntimeError(f"there is no {FILE}: run `make init` first, or merge upstream with git")
        if is_true(self.root, "rev-parse", "--quiet", "--verify", "MERGE_HEAD"):
            raise RuntimeError("a merge is not finished: commit it, or undo it with `git merge --abort`")
        if self._git("status", "--porcelain"):
            raise RuntimeError("there are uncommitted changes: commit or stash them first")
        if attempt(self.root, "symbolic-ref", "--short", "HEAD").stdout.strip() == BRANCH:
            raise RuntimeError(f"{BRANCH!r} is the branch of this command: check out your own branch")
        written = attempt(self.root, "log", "-1", f"--format=%(trailers:key={TRAILER})", BRANCH_REF)
        if written.returncode == 0 and not written.stdout.strip():
            raise RuntimeError(f"there is another branch {BRANCH!r}, which this command needs: rename it")
        return answers

    def _vendor_commit(self, commit: str) -> str | None:
        """Return the commit that an earlier merge has brought; none before the first one, and after a squashed one."""
        listed = self._git("log", "--format=%H %P", f"--grep=^{TRAILER}: {commit}$", "HEAD")
        return next((each[0] for each in map(str.split, listed.splitlines()) if commit in each[1:]), None)

    def _made(self, commit: str, answers: Answers, *, parents: tuple[str, ...], quiet: bool = False) -> str:
        """Return a new commit: upstream at a commit, as ``make init`` of that release would make it."""
        with checked_out(self.root, commit) as tree:
            done = self._replayed(tree, sys.executable)
            if done.returncode and not is_true(self.root, "diff", "--quiet", "HEAD", commit, "--", LOCK):
                self.report(f"{commit[:8]} needs other packages, which are installed in a temporary folder")
                git(tree, "reset", "--quiet", "--hard")
                git(tree, "clean", "--quiet", "-d", "--force")
                done = self._replayed(tree, _installed(tree))
            if done.returncode:
                raise RuntimeError(f"`make init` of {commit[:8]} failed, nothing is changed:\n{done.stderr.strip()}")
            git(tree, "add", "--all")
            files = git(tree, "write-tree")
        for line in () if quiet else done.stdout.splitlines():
            self.report(line)
        message = f"{answers.upstream.title} {commit[:8]} as {answers.names.title}\n\n{TRAILER}: {commit}"
        return self._git("commit-tree", files, *(word for each in parents for word in ("-p", each)), "-m", message)

    def _replayed(self, tree: Path, python: str) -> "subprocess.CompletedProcess[str]":
        command = [python, "-m", "forks", "replay", "--fork", str(self.root)]
        return subprocess.run(command, cwd=tree, capture_output=True, text=True, check=False)  # noqa: S603 -- own

    def _merge(self, answers: Answers, old: str, new: str, before: str, after: str) -> bool:
        title, heads = answers.upstream.title, merge_revision.heads(self.root)
        former = attempt(self.root, "rev-parse", "--quiet", "--verify", BRANCH_REF).stdout.strip()
        self._git("update-ref", BRANCH_REF, after)
        try:
            with self._only_difference(before, after):
                command = ("merge", "--no-ff", "--no-commit", "-m", f"Merge {title} {new[:8]}", after)
                done = attempt(self.root, *command, **_PRIVATE)
            if not is_true(self.root, "rev-parse", "--quiet", "--verify", "MERGE_HEAD"):
                raise RuntimeError(f"git merge failed: {(done.stderr or done.stdout).strip()}")
            self._git("checkout", after, "--", FILE)  # written by this command only
            conflicts = self._git("diff", "--name-only", "--diff-filter=U").splitlines()
            conflicts = import_conflicts.resolve(self.root, conflicts)
            if any(each.startswith(str(merge_revision.FOLDER)) for each in conflicts):
                self.report("after you have edited the migrations, run `flask db merge heads`")
            else:
                self._join(heads, f"{title} {new[:8]}")
            if not conflicts:
                self._git("commit", "--quiet", "--no-edit", "--no-verify")
        except BaseException:
            attempt(self.root, "reset", "--quiet", "--merge", "HEAD")
            self._git("update-ref", *((BRANCH_REF, former) if former else ("-d", BRANCH_REF)))
            raise
        self._explain(old, new, before, after, conflicts)
        return not conflicts

    def _join(self, heads: tuple[str, ...], upstream: str) -> None:
        joined = merge_revision.join(self.root, heads, upstream)
        if joined is not None:
            self._git("add", str(joined))
            self.report(f"{joined.relative_to(self.root)} joins your migrations and the new ones")

    @contextmanager
    def _only_difference(self, before: str, after: str) -> Iterator[None]:
        """Let the merge see that both sides begin with ``before``, whatever has been merged or squashed in between."""
        head, created = self._git("rev-parse", "HEAD"), []
        try:
            for side in (head, after):
                git(self.root, "replace", "--force", "--graft", side, before, **_PRIVATE)
                created.append(side)
            yield
        finally:
            for side in created:
                git(self.root, "replace", "--delete", side, **_PRIVATE)

    def _explain(self, old: str, new: str, before: str, after: str, conflicts: list[str]) -> None:
        for name, change in (("UPGRADING.md", f"{before} {after}"), ("CHANGELOG.md", f"{old} {new}")):
            if not is_true(self.root, "diff", "--quiet", *change.split(), "--", name):
                begin, end = (each[:8] for each in change.split())
                self.report(f"read the difference: git diff {begin} {end} -- {name}")
        if not conflicts:
            count = len(self._git("diff", "--name-only", "HEAD^1", "HEAD").splitlines())
            self.report(f"merged: {counted(count, 'file')} changed; run `make db` and `make check`")
            return
        self.report("you and upstream have changed the same lines of these files:")
        for each in conflicts:
            self.report(f"  {each}")
        self.report("edit them, `git add` them, and `git commit`; `git merge --abort` undoes everything")

    def _has(self, commit: str) -> bool:
        return is_true(self.root, "cat-file", "-e", f"{commit}^{{commit}}")

    def _git(self, *command: str) -> str:
        return git(self.root, *command)


def counted(number: int, noun: str) -> str:
    """Return a number with its noun."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _installed(tree: Path) -> str:
    """Install the packages of a release in its own folder, and return its Python."""
    command = ["make", ".venv/dev.lock", f"PYTHON={sys.executable}"]
    done = subprocess.run(command, cwd=tree, capture_output=True, text=True, check=False)  # noqa: S603 -- own
    if done.returncode:
        raise RuntimeError(f"its packages could not be installed, nothing is changed:\n{done.stderr.strip()}")
    return str(tree / ".venv" / "bin" / "python")
