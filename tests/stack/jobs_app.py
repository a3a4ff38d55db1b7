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
    """Leave a row behind, in the transaction of the job's end."""
    db.session.execute(EFFECTS, {"id": job.id, "worker": os.getpid()})


def wait(job: ClaimedJob) -> None:
    """Leave a row behind, and then wait until a file is gone."""
    note(job)
    gate = Path(job.payload["gate"])
    gate.with_suffix(".held").touch()
    while gate.exists():
        time.sleep(0.02)


def fall(_job: ClaimedJob) -> None:
    """Take the process along."""
    os.abort()


def fail(_job: ClaimedJob) -> None:
    """Fail."""
    raise ValueError("it does not work")


app = create_app()
services: Services = app.extensions["app-services"]
services.jobs.handlers |= {"test.note": note, "test.wait": wait, "test.fall": fall, "test.fail": fail}
