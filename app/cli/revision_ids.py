"""The IDs of new migrations: colleagues who write one at the same time get different IDs, and Git sees no conflict."""

import secrets
from datetime import UTC, datetime


def new_id(after: str = "") -> str:
    """Return an ID of 16 digits: the time in UTC, and a random number.

    It is greater than the IDs before it. Readiness depends on that: ``compatible_since`` is compared as a number.

    Args:
        after: the newest ID. It can be of the same second, or from a machine whose clock is ahead.
    """
    made = f"{datetime.now(UTC):%Y%m%d%H%M%S}{secrets.randbelow(100):02d}"
    return str(max(int(made), int(after) + 1)) if after.isdecimal() else made
