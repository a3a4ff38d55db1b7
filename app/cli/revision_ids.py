"""The IDs of new migrations: colleagues who write one at the same time get different IDs, and Git sees no conflict."""

import secrets
from datetime import UTC, datetime


def new_id() -> str:
    """Return an ID of 16 digits: the time in UTC, and a random number.

    It is greater than the IDs before it. Readiness depends on that: ``compatible_since`` is compared as a number.
    """
    return f"{datetime.now(UTC):%Y%m%d%H%M%S}{secrets.randbelow(100):02d}"
