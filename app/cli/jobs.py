"""``flask jobs``: waiting and dead-lettered jobs. Payloads are not shown, because they may contain tokens."""

from uuid import UUID

import click
from flask import current_app

from app.cli.terminal import Failed, Group, lines
from app.models.jobs import Job, JobState
from app.services.jobs import JobService
from app.wire.timestamps import render
from app.wiring import Services

group = Group("jobs", help="Waiting jobs and dead jobs, which have failed for good.")


def _jobs() -> JobService:
    services: Services = current_app.extensions["app-services"]
    return services.jobs


@group.command("list")
@click.option("--dead", is_flag=True, help="Only dead jobs.")
def list_jobs(dead: bool) -> None:
    """Print the oldest 200 jobs: id, state, kind, attempts, next attempt, last error."""
    for job in _jobs().list(JobState.DEAD if dead else None):
        lines(f"{job.id}  {_state(job):<7}  {job.kind}  {job.attempts}  {render(job.run_time)}  {job.last_error or ''}")


@group.command("show")
@click.argument("job_id", type=click.UUID)
def show(job_id: UUID) -> None:
    """Print one job without its payload."""
    job = _jobs().find(job_id)
    if job is None:
        raise Failed("There is no such job: it is done, or never existed.")
    shown = {
        "id": job.id,
        "kind": job.kind,
        "state": _state(job),
        "attempts": job.attempts,
        "created": render(job.create_time),
        "next run": render(job.run_time) if job.state is JobState.QUEUED else "-",
        "worker": job.lease_owner or "-",
        "request id": job.request_id or "-",
        "trace id": job.trace_id or "-",
        "payload has": ", ".join(sorted(job.payload)) or "-",
        "last error": job.last_error or "-",
    }
    for name, value in shown.items():
        lines(f"{name:<12} {value}")


@group.command("retry")
@click.argument("job_id", type=click.UUID, required=False)
@click.option("--all", "every", is_flag=True, help="Every dead job.")
def retry(job_id: UUID | None, every: bool) -> None:
    """Queue a dead job again, with its full number of attempts."""
    if (job_id is None) != every:
        raise click.UsageError("Name one job, or use --all.")
    revived = _jobs().retry(job_id)
    if job_id is not None and not revived:
        raise Failed("There is no such dead job. `flask jobs list --dead` prints all dead jobs.")
    lines(f"{revived} queued again")


@group.command("drop")
@click.argument("job_ids", metavar="ID...", type=click.UUID, nargs=-1)
@click.option("--all", "every", is_flag=True, help="Every dead job.")
def drop(job_ids: tuple[UUID, ...], every: bool) -> None:
    """Delete dead jobs with their payloads."""
    if bool(job_ids) == every:
        raise click.UsageError("Name jobs, or use --all.")
    dropped = _jobs().drop(None if every else job_ids)
    if missing := [str(each) for each in job_ids if each not in dropped]:
        raise Failed(f"{len(dropped)} dropped. These are not dead jobs: {', '.join(missing)}.")
    lines(f"{len(dropped)} dropped")


def _state(job: Job) -> str:
    return "running" if job.lease_owner else job.state.name.lower()
