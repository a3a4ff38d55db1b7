"""The errors that the machinery around an operation adds, whatever the protocol."""

from typing import Final

from app.errs import access, platform

DATABASE: Final = (platform.ServiceUnavailable, platform.DeadlineExceeded, platform.InsufficientStorage)
"""What the database under a use case adds."""
GUARDED: Final = (access.MissingCredentials, access.InvalidToken)
"""What it adds that not everybody may call."""
