"""How gunicorn serves Candor, in development and in production: everything comes from the settings.

Threads wait for the database side by side; nginx stands in front and keeps slow clients away.
"""

import json
import sys
from datetime import timedelta
from functools import partial
from socket import socket
from typing import Any

from gunicorn import util
from gunicorn.arbiter import Arbiter
from gunicorn.workers.base import Worker

from app.config import InvalidSettings, Settings

try:
    SETTINGS = Settings.from_env()
except InvalidSettings as faults:
    sys.exit(str(faults))

bind = f"{SETTINGS.host}:{SETTINGS.port}"
worker_class = "gthread"
workers = SETTINGS.web_concurrency
threads = SETTINGS.web_threads
keepalive = 75
timeout = 30
graceful_timeout = max(15, int(SETTINGS.request_timeout) + 5)
control_socket_disable = True
accesslog = None
limit_request_line = 4094
limit_request_fields = 100
limit_request_field_size = 8190
logconfig_dict: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "app.observability.logs.JsonFormatter"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json", "stream": "ext://sys.stderr"}},
    "root": {"level": SETTINGS.log_level, "handlers": ["stderr"]},
    "loggers": {"gunicorn.error": {"level": "ERROR"}},
}


def post_worker_init(_worker: Worker) -> None:
    """Let what gunicorn refuses by itself be a problem document too."""
    from app.rest.edge import refusal  # noqa: PLC0415 -- only workers have the application

    def write_error(client: socket, status_int: int, reason: str, mesg: str) -> None:
        util.write_nonblock(client, refusal(status_int, mesg or reason, public_url=SETTINGS.public_url))

    util.write_error = write_error


def when_ready(_server: Arbiter) -> None:
    """Tell a developer where to go, with a token and a request to paste."""
    if SETTINGS.is_production:
        return
    from app.resilience.clock import SystemClock  # noqa: PLC0415 -- in development only
    from app.services.tokens import TokenService  # noqa: PLC0415 -- as above

    tokens = TokenService(
        secret=SETTINGS.jwt_secret,
        audience=SETTINGS.jwt_audience or None,
        issuer=SETTINGS.jwt_issuer or None,
        clock=SystemClock(),
    )
    token = tokens.issue("developer", scopes=["tasks"], lifetime=timedelta(hours=12))
    say = partial(print, flush=True)
    body = json.dumps({"task": {"title": "Buy milk", "tags": ["home"]}})
    say(f"\n  Candor serves on {SETTINGS.public_url}, until Ctrl-C\n")
    say(f"  Reference  {SETTINGS.public_url}/docs")
    say(f"  Errors     {SETTINGS.public_url}/errors")
    say(f"  Token      {token}\n             (developer, scope tasks, 12 hours)\n")
    say(f"  curl -i {SETTINGS.public_url}/v1/tasks -H 'Authorization: Bearer {token}' \\")
    say(f"    -H 'Content-Type: application/json' -d '{body}'\n")
