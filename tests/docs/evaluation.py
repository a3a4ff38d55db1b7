"""Evaluates the blocks of a page in order, and collects what fails."""

import re
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from tests.docs.comparison import Comparison, Different
from tests.docs.formats import DIAGRAMS, PARSERS, compile_python, parse_sql
from tests.docs.pages import Block
from tests.docs.service import Service
from tests.docs.shell import Shell, steps
from tests.docs.table import Entry

SCRIPTS: Final = {"sh", "bash", "shell"}
PRINTED: Final = re.compile(r"^[ \t]*print\(.*\n((?:[ \t]*# .*\n?)+)", re.MULTILINE)


@dataclass
class Evaluation:
    """The blocks of one page, its shell, and the failures so far."""

    start_service: Callable[[], Service]
    database_url: str
    entries: Sequence[Entry] = ()
    failures: list[str] = field(default_factory=list)
    _comparison: Comparison = field(default_factory=Comparison)
    _shell: Shell | None = None

    def run(self, blocks: Sequence[Block]) -> list[str]:
        """Evaluate blocks, and return one text per block that fails."""
        try:
            for block in blocks:
                try:
                    self._evaluate(block)
                except (AssertionError, ValueError) as failure:
                    self.failures.append(f"{block}\n{failure}")
                except TimeoutError as failure:  # the shell is lost
                    self.failures.append(f"{block}\n{failure}")
                    break
        finally:
            if self._shell:
                self._shell.close()
        return self.failures

    def _evaluate(self, block: Block) -> None:
        treatments = {entry.treatment for entry in self.entries if entry.matches(block)}
        if "skipped" in treatments:
            return
        if block.language in PARSERS:
            PARSERS[block.language](block.source)
        elif block.language == "sql":
            parse_sql(block.source, self.database_url)
        elif "executed" in treatments or block.language in DIAGRAMS:
            return
        elif "compiled" in treatments:
            compile_python(block.source)
        elif block.language == "console":
            self._transcript(block)
        elif block.language in SCRIPTS:
            self._succeed(block.source)
        elif block.language == "python":
            self._program(block)
        else:
            raise ValueError("nothing executes or parses this block, and blocks.toml has no entry for it")

    def _transcript(self, block: Block) -> None:
        found = list(steps(block.source))
        if not found:
            raise ValueError("a transcript needs a command after '$ '")
        for step in found:
            if step.output:
                _, printed = self._run(step.command)
                self._comparison.output(self._addressed(step.output), printed)
            else:
                self._succeed(step.command)

    def _succeed(self, command: str) -> str:
        code, printed = self._run(command)
        if code:
            raise Different(f"exit status {code}:\n{command}\n{printed}")
        return printed

    def _program(self, block: Block) -> None:
        shown = "\n".join(re.sub(r"(?m)^[ \t]*# ", "", lines).strip() for lines in PRINTED.findall(block.source))
        printed = self._succeed(f".venv/bin/python -c {shlex.quote(self._comparison.translated(block.source))}")
        if shown:
            self._comparison.output(self._addressed(shown), printed)

    def _run(self, command: str) -> tuple[int, str]:
        if self._shell is None:
            service = self.start_service()
            self._shell = Shell(service.folder, service.environment_of_a_page())
        return self._shell.run(self._addressed(self._comparison.translated(command)))

    def _addressed(self, text: str) -> str:
        for shown, actual in self.start_service().addresses.items():
            text = text.replace(shown, actual)
        return text
