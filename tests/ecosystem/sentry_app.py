"""The application with a bug in one use case and in one kind of job, for gunicorn, ``flask worker`` and gRPC."""

from app import create_app

SECRET = "personal-4711"


def broken_get(task_id, **_):
    """Raise an exception whose text, variables and cause have personal data."""
    card_number = f"{SECRET}-variable"
    try:
        int(f"{SECRET}-quoted")
    except ValueError as error:
        raise LookupError(f"nothing found for {card_number}") from error


def broken_job(job):
    """Raise an exception with the payload."""
    raise KeyError(job.payload["address"])


app = create_app()
services = app.extensions["app-services"]
services.tasks.get = broken_get
services.jobs.handlers |= {"test.broken": broken_job}
