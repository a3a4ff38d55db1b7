"""The harness fails for a wrong page, for each kind of fault in a block."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.docs.comparison import Comparison, Different
from tests.docs.evaluation import Evaluation
from tests.docs.formats import PARSERS, compile_python, parse_nginx, parse_sql
from tests.docs.pages import Block, all_pages, blocks_of, front_matter
from tests.docs.service import Service, make_environment
from tests.docs.shell import Shell, Step, steps
from tests.docs.table import Entry, entries, entries_of

ID = "b5547b87-3c2d-4d48-8461-69940971f9c1"
OTHER = "0c8ec2b1-5d3e-4f5e-9f0c-9f4b2a0d6d11"


def fails(shown: str, printed: str) -> str:
    with pytest.raises(Different) as different:
        Comparison().output(shown, printed)
    return str(different.value).partition("\n")[0]


class TestComparison:
    @pytest.mark.parametrize(
        ("shown", "printed"),
        [
            ('{"a": 1,\n "b": [1, 2]}', '{"b":[1,2],"a":1}'),
            ('{"a": 1, …}', '{"a":1,"b":2}'),
            ('{…, "b": [1, …, 4]}', '{"a":1,"b":[1,2,3,4]}'),
            ('{"a": …}', '{"a":{"b":1}}'),
            ('{"a": "eyJ…"}', '{"a":"eyJhbGciOi"}'),
            (f'{{"id": "{ID}"}}', f'{{"id":"{OTHER}"}}'),
            ('{"at": "2026-11-21T01:52:12.132598Z"}', '{"at":"2027-01-01T00:00:00Z"}'),
            ("HTTP/1.1 200 OK\nETag: x", "HTTP/1.1 200 OK\nServer: gunicorn\nETag: x\nVary: Origin"),
            ('HTTP/1.1 200 OK\nETag: x\n\n{"a": 1}', 'HTTP/1.1 200 OK\nETag: x\n\n{"a":1}'),
            ("HTTP/1.1 204 NO CONTENT\nHTTP/1.1 200 OK", "HTTP/1.1 204 NO CONTENT\n\nHTTP/1.1 200 OK"),
            ("one\n…\nfour", "one\ntwo\nthree\nfour"),
            ('{"a":1}\n{"a":2}', '{"a":1}{"a":2}'),
        ],
    )
    def test_ok(self, shown: str, printed: str) -> None:
        Comparison().output(shown, printed)

    @pytest.mark.parametrize(
        ("shown", "printed", "reason"),
        [
            ('{"a": 1}', '{"a":1,"b":2}', "$[0] has b too"),
            ('{"a": 1, "b": 2}', '{"a":1}', "$[0] lacks b"),
            ('{"a": {"b": [1, 2]}}', '{"a":{"b":[1,3]}}', "$[0].a.b[1] is 3"),
            ('{"a": [1, …]}', '{"a":[2]}', "$[0].a[0] is 2"),
            ('{"a": 1}', '{"a":true}', "$[0].a is True"),
            ('HTTP/1.1 200 OK\n\n{"a": 1}', "HTTP/1.1 200 OK\n\nnothing", "the output is not JSON"),
            ('{"a": 1}', "", "$ has 0 items"),
            (f'{{"id": "{ID}"}}', '{"id":"7"}', "$[0].id is '7'"),
            ("HTTP/1.1 200 OK\nETag: x\nVary: y", "HTTP/1.1 200 OK\nVary: y\nETag: x", "'Vary: y'"),
            ("HTTP/1.1 200 OK", "HTTP/1.1 404 NOT FOUND", "'HTTP/1.1 200 OK'"),
            ("one\ntwo", "one\nthree", "'two'"),
            ("one", "one\ntwo", "the page lacks 'two'"),
            ("two", "one\ntwo", "'two'"),
        ],
    )
    def test_a_difference_is_named(self, shown: str, printed: str, reason: str) -> None:
        assert fails(shown, printed).endswith(reason)

    def test_a_value_of_this_run_is_expected_from_then_on(self) -> None:
        comparison = Comparison()
        comparison.output(f'{{"id": "{ID}"}}', f'{{"id":"{OTHER}"}}')
        assert comparison.translated(f"curl /{ID}") == f"curl /{OTHER}"
        comparison.output(f'{{"id": "{ID}"}}', f'{{"id":"{OTHER}"}}')
        with pytest.raises(Different):
            comparison.output(f'{{"id": "{ID}"}}', f'{{"id":"{ID}"}}')


class TestShell:
    @pytest.fixture
    def shell(self, tmp_path: Path) -> Iterator[Shell]:
        shell = Shell(tmp_path, {"PATH": "/usr/bin:/bin"})
        yield shell
        shell.close()

    def test_variables_aliases_and_functions_stay(self, shell: Shell) -> None:
        shell.run("ONE=1; alias two='echo 2'")
        shell.run("three() { echo 3; }")
        assert shell.run("echo $ONE; two; three") == (0, "1\n2\n3")

    def test_the_exit_status_and_both_streams_are_returned(self, shell: Shell) -> None:
        assert shell.run("echo out; echo err >&2; false") == (1, "out\nerr")

    def test_a_bash_that_ends_is_noticed(self, shell: Shell) -> None:
        with pytest.raises(TimeoutError):
            shell.run("exit 3")

    def test_steps(self) -> None:
        source = "$ one \\\n    two\nshown\n\n{}\n$ three 'a\nb'\n$ cat <<EOF\n> text\n> EOF\ntext\n"
        assert list(steps(source)) == [
            Step("one \\\n    two", "shown\n\n{}"),
            Step("three 'a\nb'", ""),
            Step("cat <<EOF\ntext\nEOF", "text"),
        ]


class TestFormats:
    @pytest.mark.parametrize(
        ("language", "good", "bad"),
        [
            ("csv", "a,b\n1,2\n", "a,b\n1\n"),
            ("ini", "[Service]\nExecStart=a\nExecStart=b\n", "[Service]\nExecStart\n"),
            ("ini", "pool_mode = transaction\n", "pool_mode\n"),
            ("json", '{"a": […], …}', '{"a": 1,}'),
            ("toml", "a = 1", "a = "),
            ("yaml", "a: [1]", "a: [1"),
        ],
    )
    def test_each_has_a_parser(self, language: str, good: str, bad: str) -> None:
        PARSERS[language](good)
        with pytest.raises(ValueError, match=r"."):
            PARSERS[language](bad)

    @pytest.mark.parametrize(
        "good", ["worker_processes 2;", "gzip off;", "listen 127.0.0.1:1;", "proxy_pass http://127.0.0.1:2;"]
    )
    def test_nginx_in_each_frame(self, good: str) -> None:
        parse_nginx(good)

    def test_nginx_rejects_a_directive_that_does_not_exist(self) -> None:
        with pytest.raises(ValueError, match="unknown directive"):
            parse_nginx("gzipp off;")

    def test_python(self) -> None:
        compile_python("from app.errs import Error, catalogue\nnot_defined()")
        for bad in ("def", "import app.nothing", "from app.errs import Nothing"):
            with pytest.raises(ValueError, match=r"."):
                compile_python(bad)

    def test_sql(self, database_url: str) -> None:
        planned = "SELECT pid, pg_terminate_backend(pid) FROM pg_stat_activity; -- not executed\n"
        parse_sql(f"{planned}ALTER SYSTEM SET work_mem = '8MB';\n", database_url)
        for bad in ("SELECT nothing FROM pg_stat_activity;", "ALTER SYSTEMS SET a = 1;", "SELECT 1"):
            with pytest.raises(ValueError, match=r"."):
                parse_sql(bad, database_url)


class TestPages:
    @pytest.fixture
    def root(self, tmp_path: Path) -> Path:
        (tmp_path / "docs").mkdir()
        (tmp_path / "README.md").write_text("# A\n")
        (tmp_path / "docs" / "page.md").write_text(
            "---\nexecuted: tests/a.py\n---\n# Page\n\n## Part\n\n```{note}\nNo code.\n```\n\n"
            "```{code-block} toml\n:name: x\n\na = 1\n```\n\n- item\n\n  ```console\n  $ true\n  ```\n\n"
            "```\nbare\n```\n"
        )
        return tmp_path

    def test_blocks(self, root: Path) -> None:
        assert all_pages(root) == ["README.md", "docs/page.md"]
        found = [(each.line, each.section, each.language, each.first_line) for each in blocks_of("docs/page.md", root)]
        assert found == [(12, "Part", "toml", "a = 1"), (20, "Part", "console", "$ true"), (24, "Part", "", "bare")]

    def test_front_matter_names_the_test(self, root: Path) -> None:
        assert front_matter("docs/page.md", root) == {"executed": "tests/a.py"}
        assert entries_of("docs/page.md", root) == [Entry("executed", "docs/page.md", by="tests/a.py")]

    def test_an_entry_needs_a_reason(self, tmp_path: Path) -> None:
        (tmp_path / "blocks.toml").write_text('[[skipped]]\npage = "README.md"\nblock = "a"\n')
        with pytest.raises(ValueError, match="needs"):
            entries(tmp_path / "blocks.toml")


class Idle(Service):
    """A folder and addresses without a service, for blocks that call none."""

    def environment_of_a_page(self) -> dict[str, str]:
        return self.environment


class TestPrograms:
    def test_a_path_may_contain_a_space_and_a_token_is_issued_once(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        installed, tokens = tmp_path / "a path", tmp_path / "the tokens"
        for folder in (installed, tokens):
            folder.mkdir()
        (installed / "flask").write_text('#!/bin/sh\necho "$#" >> "$0.calls"\necho a-token\n')
        (installed / "flask").chmod(0o755)
        monkeypatch.setattr(sys, "executable", str(installed / "python"))
        make_environment(tmp_path / "bin", tokens)
        for _ in range(2):
            command = [str(tmp_path / "bin" / "flask"), "tokens", "issue"]
            assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "a-token\n"
        assert (installed / "flask.calls").read_text() == "2\n"


class TestEvaluation:
    @pytest.fixture
    def idle(self, tmp_path: Path) -> Callable[[], Service]:
        make_environment(tmp_path / ".venv" / "bin", tmp_path)
        return lambda: Idle(tmp_path, 1, {"PATH": "/usr/bin:/bin"}, 2)

    def evaluated(self, start: Callable[[], Service], language: str, source: str, *entries: Entry) -> list[str]:
        return Evaluation(start, "", entries).run([Block("page.md", 1, "", "", language, source)])

    @pytest.mark.parametrize("language", ["", "text", "rust"])
    def test_a_block_that_nothing_executes_fails(self, idle: Callable[[], Service], language: str) -> None:
        (failure,) = self.evaluated(idle, language, "x")
        assert "blocks.toml has no entry" in failure

    @pytest.mark.parametrize(
        ("language", "source"),
        [
            ("console", "$ echo a\nb\n"),
            ("console", "$ false\n"),
            ("console", "no prompt\n"),
            ("sh", "false\n"),
            ("python", "print(1 + 1)\n# 3\n"),
            ("python", "raise SystemExit(1)\n"),
            ("toml", "a = "),
        ],
    )
    def test_a_false_block_fails(self, idle: Callable[[], Service], language: str, source: str) -> None:
        assert len(self.evaluated(idle, language, source)) == 1

    def test_entries(self, idle: Callable[[], Service]) -> None:
        skipped = Entry("skipped", "page.md", block="x", reason="because")
        assert self.evaluated(idle, "text", "x", skipped) == []
        assert len(self.evaluated(idle, "text", "y", skipped)) == 1
        whole = Entry("executed", "page.md", by="tests/a.py")
        assert self.evaluated(idle, "console", "$ false", whole) == []
        assert len(self.evaluated(idle, "toml", "a = ", whole)) == 1, "data is parsed nevertheless"

    def test_addresses_are_replaced(self, idle: Callable[[], Service]) -> None:  # part: grpc
        transcript = "$ echo http://127.0.0.1:8000/ 127.0.0.1:50051 > shown; cat shown\n127.0.0.1:8000…50051\n"
        (failure,) = self.evaluated(idle, "console", transcript)
        assert "http://127.0.0.1:1/ 127.0.0.1:2" in failure
