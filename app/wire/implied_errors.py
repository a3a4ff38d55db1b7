"""The errors that the code around an operation adds, on every protocol."""

from typing import Final

from app.errs import access, platform

DATABASE: Final = (platform.ServiceUnavailable, platform.DeadlineExceeded, platform.InsufficientStorage)
"""Errors of operations that use the database."""
GUARDED: Final = (access.MissingCredentials, access.InvalidToken)
"""Errors of operations that require authentication."""
