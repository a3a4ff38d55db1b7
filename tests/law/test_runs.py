"""The tools that run the tests: the selection of make quick, skipped tests in CI, and the output of make nightly."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import grimp
import pytest

from tests import distributed, nightly, observed_errors, quick, skips, unprovoked_errors
from tests.operations_that_ran import RAN
from tests.response_checks import PROBLEMS


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    return grimp.build_graph("app", "tests", cache_dir=str(quick.ROOT / ".import_linter_cache"))


class TestQuick:
    @pytest.mark.parametrize(
        ("path", "first"),
        [
            ("tests/unit/wire/test_ordering.py", "tests/unit/wire/test_ordering.py"),
            ("app/wire/ordering.py", "tests/unit/wire/test_ordering.py"),
            ("app/services/products.py", "tests/api/test_products_commands.py"),
            ("deploy/nginx/candor.conf", "tests/law/test_nginx.py"),
            ("migrations/versions/new.py", "tests/integration/test_migrations.py"),
        ],
    )
    def test_the_nearest_tests_come_first(self, graph: grimp.ImportGraph, path: str, first: str) -> None:
        others = [test for test in quick.selected([path], graph) if test not in quick.laws_of([path])]
        assert others[0] == first

    def test_the_laws_of_a_changed_file_come_before_others(self, graph: grimp.ImportGraph) -> None:
        path = "app/services/products.py"
        found, laws = quick.selected([path], graph), quick.laws_of([path])
        assert len(laws) > 3
        assert {*found[: len(laws)]} == laws

    def test_every_law_exists(self) -> None:
        assert [law for law in quick.laws_of(quick.LAWS) if not (quick.ROOT / law).exists()] == []

    def test_importers_follow_in_order_of_distance(self, graph: grimp.ImportGraph) -> None:
        found = quick.selected(["app/resilience/breaker.py"], graph)
        assert found.index("tests/unit/resilience/test_breaker.py") < found.index("tests/unit/resilience/test_retry.py")

    def test_tests_that_start_processes_are_not_selected(self, graph: grimp.ImportGraph) -> None:
        assert quick.selected(["tests/stack/test_nginx.py"], graph) == []

    def test_the_fixed_selection_exists(self) -> None:
        assert all((quick.ROOT / path).exists() for path in (*quick.FAST, *quick.OTHER_FILES.values()))


class TestSkips:
    @pytest.fixture(autouse=True)
    def in_ci(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(skips, "IN_CI", True)

    def judged(self, reason: str, **extra: Any) -> tuple[str, object]:
        skipped = (__file__, 1, f"Skipped: {reason}")
        report = pytest.TestReport("a test", (__file__, 1, "a test"), {}, "skipped", skipped, "setup", **extra)
        skips._judged(report)
        return report.outcome, report.longrepr

    def test_a_test_skipped_for_a_missing_program_fails(self) -> None:
        outcome, text = self.judged("nginx is not installed (apt-get install nginx)")
        assert outcome == "failed"
        assert text == "nginx is not installed (apt-get install nginx) (with CI=true, nothing may be skipped)"

    @pytest.mark.parametrize("reason", [distributed.REASON, "takes minutes: make soak", "needs root, to mount"])
    def test_tests_of_another_run_stay_skipped(self, reason: str) -> None:
        assert self.judged(reason)[0] == "skipped"

    def test_an_expected_failure_stays_expected(self) -> None:
        assert self.judged("a known bug", wasxfail="a known bug")[0] == "skipped"

    @pytest.mark.parametrize(("fast", "expected"), [("true", ["quick"]), ("", ["quick", "slow"])])
    def test_a_fast_run_leaves_out_slow_modules(
        self, monkeypatch: pytest.MonkeyPatch, fast: str, expected: list[str]
    ) -> None:
        items: Any = [SimpleNamespace(marks={"quick"}), SimpleNamespace(marks={"slow"})]
        for item in items:
            item.get_closest_marker = lambda name, marks=item.marks: name if name in marks else None
        left_out: list[object] = []

        def deselected(items: list[object]) -> None:
            left_out.extend(items)

        config: Any = SimpleNamespace(hook=SimpleNamespace(pytest_deselected=deselected))
        monkeypatch.setenv("FAST", fast)
        skips.pytest_collection_modifyitems(config, items)
        assert [name for item in items for name in item.marks] == expected
        assert len(left_out) + len(items) == 2
        assert distributed.is_fast() is (fast == "true")

    def test_outside_ci_it_stays_skipped(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(skips, "IN_CI", False)
        assert self.judged("nginx is not installed")[0] == "skipped"


class TestObserved:
    @pytest.fixture(autouse=True)
    def restored(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        problems = {code: list(documents) for code, documents in PROBLEMS.items()}
        monkeypatch.setattr(observed_errors, "PROVOKED", set(observed_errors.PROVOKED))
        monkeypatch.setattr("tests.observed_errors.RAN", dict(RAN))
        yield
        PROBLEMS.clear()
        PROBLEMS.update(problems)

    def test_the_controller_merges_the_data_of_workers(self) -> None:
        problems = '{"OF_A_WORKER": [{"status": 404}]}'
        provoked = [["GET /v1/nothing", "OF_A_WORKER"]]
        sent = {"provoked": provoked, "problems": problems, "ran": {"GET /v1/nothing": ["OF_A_WORKER", "OTHER"]}}
        observed_errors.merge(sent)
        assert ("GET /v1/nothing", "OF_A_WORKER") in observed_errors.PROVOKED
        assert PROBLEMS["OF_A_WORKER"] == [{"status": 404}]
        exported = observed_errors.exported()
        assert ("GET /v1/nothing", "OF_A_WORKER") in exported["provoked"]
        assert exported["ran"]["GET /v1/nothing"] == ["OF_A_WORKER", "OTHER"]

    def test_errors_that_a_part_of_the_tests_left_out_are_listed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A small part lists only the operations of which it has provoked an error."""
        monkeypatch.setattr(unprovoked_errors, "PROVOKED", {("GET /v1/a", "ONE")})
        monkeypatch.setattr(unprovoked_errors, "RAN", {"GET /v1/a": ["ONE", "THREE", "TWO"], "GET /v1/b": ["ONE"]})
        some = "GET /v1/a declares THREE, TWO"
        assert unprovoked_errors.unprovoked(is_whole=False) == [some]
        assert unprovoked_errors.unprovoked(is_whole=True) == [some, "GET /v1/b declares ONE"]


class TestNightly:
    @pytest.mark.parametrize(
        ("printed", "line"),
        [
            ("...\n== 1 failed, 6072 passed, 2 skipped in 100.1s ==\n", "1 failed, 6072 passed, 2 skipped"),
            (
                "4 passed in 3s\ndrill: every promise was kept, in 9 s\n",
                "4 passed; drill: every promise was kept, in 9 s",
            ),
            ("no such target\nmake: *** Error 2\n", "no such target"),
            ("", ""),
        ],
    )
    def test_the_counts_are_parsed(self, printed: str, line: str) -> None:
        assert nightly.closing_line(printed) == line

    @pytest.fixture(autouse=True)
    def two_suites(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setattr(nightly, "SUITES", {"one": "echo 2 failed; exit 3", "two": "echo 5 passed"})
        monkeypatch.setattr(nightly, "PAGE", tmp_path / "nightly.md")
        monkeypatch.setattr(nightly, "LOGS", tmp_path / "logs")
        monkeypatch.setattr(nightly, "commit", lambda: "0123456789ab")

    def test_a_failed_suite_does_not_stop_the_others(self) -> None:
        assert nightly.main("") == 1
        page = nightly.PAGE.read_text()
        assert "\nResult: failed: one.\n" in page
        assert "| one | `echo 2 failed; exit 3` | `0123456789ab` | 20" in page
        assert "| FAILED | 3 | 2 failed | 0.0 |\n| two |" in page
        assert "| passed | 0 | 5 passed | 0.0 |" in page

    def test_a_repeated_suite_replaces_only_its_row(self, monkeypatch: pytest.MonkeyPatch) -> None:
        assert nightly.main("") == 1
        with nightly.PAGE.open("a") as page_file:
            page_file.write("\n## Notes\n\nThe machine was busy.\n")
        monkeypatch.setattr(nightly, "SUITES", {"one": "echo 7 passed", "two": "echo 5 passed"})
        monkeypatch.setattr(nightly, "commit", lambda: "ba9876543210")
        assert nightly.main("one") == 0
        page = nightly.PAGE.read_text()
        assert "\nResult: passed.\n" in page
        assert "| one | `echo 7 passed` | `ba9876543210` |" in page
        assert "| two | `echo 5 passed` | `0123456789ab` |" in page
        assert page.endswith("\n## Notes\n\nThe machine was busy.\n")

    def test_suites_without_a_result_are_listed(self) -> None:
        suite = nightly.Suite("one", "echo", "0123456789ab", "2026-01-31 00:00", "running")
        assert "\nResult: not run: one, two.\n" in nightly.page({"one": suite.row})
