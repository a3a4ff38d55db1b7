"""The lifetimes of access tokens and refresh tokens."""

from datetime import timedelta
from typing import Final

ACCESS_LIFETIME: Final = timedelta(minutes=15)
REFRESH_LIFETIME: Final = timedelta(days=30)
MAX_LIFETIME: Final = timedelta(days=3650)
"""The maximum lifetime of an access token from ``flask tokens issue``."""
