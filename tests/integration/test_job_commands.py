"""``flask jobs``: the jobs that an operator sees, and the commands for them."""

from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskCliRunner
from sqlalchemy import text

from app.extensions import db
from app.models.jobs import NewJob
from tests.integration.conftest import Database


@pytest.fixture
def runner(app: Flask) -> FlaskCliRunner:
    """Return a runner of commands."""
    return app.test_cli_runner()


@pytest.fixture
def job_id(database: Database) -> UUID:
    """Return the id of a dead job."""
    with database.unit_of_work() as unit:
        unit.jobs.add(NewJob("mail.activation", {"to": "alice@example.com", "token": "secret"}, supersedes="test"))
        unit.commit()
    with db.engine.begin() as connection:
        died = text("UPDATE jobs SET state = 2, attempts = 15, last_error = 'ValueError: no' RETURNING id")
        found: UUID = connection.execute(died).scalar_one()
    return found


def run(runner: FlaskCliRunner, *words: str) -> str:
    result = runner.invoke(args=["jobs", *words])
    assert result.exit_code == 0, result.output
    return result.output


class TestJobs:
    def test_list_and_show_print_everything_except_the_payload(self, runner: FlaskCliRunner, job_id: UUID) -> None:
        listed, shown = run(runner, "list", "--dead"), run(runner, "show", str(job_id))
        assert f"{job_id}  dead     mail.activation  15  " in listed
        assert "payload has  to, token" in shown
        assert "ValueError: no" in shown
        assert not [word for word in ("alice", "secret") if word in listed + shown]

    def test_retry(self, runner: FlaskCliRunner, job_id: UUID) -> None:
        assert run(runner, "retry", str(job_id)) == "1 queued again\n"
        assert run(runner, "list", "--dead") == ""
        assert "queued" in run(runner, "show", str(job_id))
        assert run(runner, "retry", "--all") == "0 queued again\n"

    def test_drop(self, runner: FlaskCliRunner, job_id: UUID) -> None:
        assert run(runner, "drop", str(job_id)) == "1 dropped\n"
        assert run(runner, "list") == ""
        assert run(runner, "drop", "--all") == "0 dropped\n"

    def test_drop_all(self, runner: FlaskCliRunner, job_id: UUID) -> None:
        assert run(runner, "drop", "--all") == "1 dropped\n"
        assert run(runner, "list") == ""

    def test_only_dead_ones_are_dropped(self, runner: FlaskCliRunner, job_id: UUID) -> None:
        """A waiting job may be about to run; the other named jobs are dropped."""
        run(runner, "retry", str(job_id))
        result = runner.invoke(args=["jobs", "drop", str(job_id), str(UUID(int=0))])
        assert result.exit_code == 1
        assert result.output == f"Error: 0 dropped. These are not dead jobs: {job_id}, {UUID(int=0)}.\n"
        assert "queued" in run(runner, "show", str(job_id))

    @pytest.mark.parametrize(
        ("words", "message"),
        [
            (["show", str(UUID(int=0))], "There is no such job"),
            (["retry", str(UUID(int=0))], "There is no such dead job"),
            (["retry"], "Name one job, or use --all."),
            (["drop"], "Name jobs, or use --all."),
            (["drop", "--all", str(UUID(int=0))], "Name jobs, or use --all."),
        ],
    )
    def test_missing_jobs_and_arguments(self, runner: FlaskCliRunner, words: list[str], message: str) -> None:
        result = runner.invoke(args=["jobs", *words])
        assert result.exit_code != 0
        assert message in result.output
