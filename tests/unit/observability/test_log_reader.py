"""Requests, found by their ID in log files."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from app.observability.log_reader import occurrences

ID = "request-1"


def line(logger: str, at: str, request_id: str = ID, **fields: Any) -> str:
    """Return a log line of the service."""
    ids = {"timestamp": f"2026-11-21T{at}Z", "level": "INFO", "severity": "INFO", "message": "GET", "trace_id": "t"}
    return json.dumps({**ids, "logger": f"candor.{logger}", "request_id": request_id, **fields}) + "\n"


FAILED = (
    line("errors", "10:00:00.5", code="SERVICE_UNAVAILABLE", user="bob")
    + line("access", "10:00:00.6", "request-2", status=200)
    + line("access", "10:00:00.7", status=503, user="alice")
)


class TestOccurrences:
    def test_the_error_line_and_the_access_line_are_one_occurrence(self, tmp_path: Path) -> None:
        (tmp_path / "log").write_text(FAILED)
        (entry,) = occurrences(ID, [tmp_path / "log"])
        assert entry.fields == {"code": "SERVICE_UNAVAILABLE", "status": 503, "user": "alice"}
        assert (entry.at.isoformat(), entry.trace_id) == ("2026-11-21T10:00:00.700000+00:00", "t")

    def test_several_files_are_read_newest_first_even_compressed_ones(self, tmp_path: Path) -> None:
        (tmp_path / "log").write_text(FAILED)
        with gzip.open(tmp_path / "log.1.gz", "wt") as packed:
            packed.write(line("access", "09:00:00", status=404))
        found = occurrences(ID, [tmp_path / "log.1.gz", tmp_path / "log"])
        assert [entry.fields["status"] for entry in found] == [503, 404]

    @pytest.mark.parametrize(
        "noise",
        [
            ID,
            "{" + ID,
            f'"{ID}"',
            f'{{"request_id": "{ID}"}}',
            f'{{"request_id": "{ID}", "timestamp": null}}',
            line("journal", "10:00:00"),
            line("access", "soon"),
            line("access", "10:00:00", f"{ID}-2"),
        ],
    )
    def test_other_lines_are_skipped(self, tmp_path: Path, noise: str) -> None:
        (tmp_path / "log").write_text(f"{noise}\nNov 21 10:00:00 host python[7]: {FAILED}{noise}\n")
        assert len(occurrences(ID, [tmp_path / "log"])) == 1

    def test_a_request_that_nginx_rejected_is_found(self, tmp_path: Path) -> None:
        said: dict[str, Any] = {"status": 503, "code": "SERVICE_UNAVAILABLE", "route": "unmatched", "duration_ms": 250}
        (tmp_path / "log").write_text(line("", "10:00:00", **said).replace("candor.", "nginx"))
        (entry,) = occurrences(ID, [tmp_path / "log"])
        assert said.items() <= entry.fields.items()

    def test_an_error_of_an_unfinished_request_is_found(self, tmp_path: Path) -> None:
        (tmp_path / "log").write_text(line("errors", "10:00:00", code="INTERNAL_ERROR"))
        assert [entry.fields for entry in occurrences(ID, [tmp_path / "log"])] == [{"code": "INTERNAL_ERROR"}]
