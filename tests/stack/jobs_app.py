"""The application with jobs for tests, as ``flask --app tests.stack.jobs_app worker`` runs it."""

import os
import time
from pathlib import Path
from typing import Final

from sqlalchemy import text

from app import create_app
from app.extensions import db
from app.models.jobs import ClaimedJob
from app.wiring import Services

EFFECTS: Final = text("INSERT INTO effects VALUES (:id, :worker)")


def note(job: ClaimedJob) -> None:
    """Insert a row in the transaction that finishes the job."""
    db.session.execute(EFFECTS, {"id": job.id, "worker": os.getpid()})


def wait(job: ClaimedJob) -> None:
    """Insert a row, and then wait until a file is removed."""
    note(job)
    gate = Path(job.payload["gate"])
    gate.with_suffix(".held").touch()
    while gate.exists():
        time.sleep(0.02)


def fall(_job: ClaimedJob) -> None:
    """Kill the process."""
    os.abort()


def fail(_job: ClaimedJob) -> None:
    """Raise an exception."""
    raise ValueError("it does not work")


app = create_app()
services: Services = app.extensions["app-services"]
services.jobs.handlers |= {"test.note": note, "test.wait": wait, "test.fall": fall, "test.fail": fail}
