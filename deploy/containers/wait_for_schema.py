"""``python -m deploy.containers.wait_for_schema``: returns when the database has the schema of this code.

Pods of ``deploy/kubernetes`` run it before their containers; a Job migrates the schema meanwhile. The check is that of
``/readyz``: a newer schema that is declared compatible is sufficient.
"""

import sys
import time
from collections.abc import Callable
from typing import Final

from app import create_app, product
from app.config import InvalidSettings
from app.errs.platform import NotReady

PAUSE: Final = 2.0
"""Seconds between two checks."""
LONGEST: Final = 900.0
"""Seconds after which the command fails."""
_LOG: Final = product.logger("migrations")


def wait(report: Callable[[], object], *, within: float, sleep: Callable[[float], None] = time.sleep) -> bool:
    """Return True when the checks pass, and False if they have failed for this number of seconds."""
    until, reason = time.monotonic() + within, ""
    while True:
        try:
            report()
        except NotReady as failure:
            cause = failure.__cause__
            if (found := getattr(cause, "detail", None) or str(cause or failure)) != reason:
                _LOG.info("waiting for the schema: %s", found)
            reason = found
        else:
            return True
        if time.monotonic() >= until:
            return False
        sleep(PAUSE)


def main() -> int:
    """Wait with the settings of the environment."""
    try:
        app = create_app()
    except InvalidSettings as faults:
        sys.stderr.write(f"{faults}\n")
        return 1
    with app.app_context():
        return int(not wait(app.extensions["app-services"].readiness.report, within=LONGEST))


if __name__ == "__main__":
    sys.exit(main())
