"""Paths of the system's programs that the stack runs."""

import os
import shutil
from typing import Final

SYSTEM_FOLDERS: Final = "/usr/sbin:/usr/local/sbin:/opt/homebrew/bin"


class NginxError(RuntimeError):
    """nginx cannot run; the message is one line."""


def find(program: str) -> str:
    """Return the path of a program of the system. Raises: NginxError: it is not installed."""
    path = f"{os.environ.get('PATH', os.defpath)}:{SYSTEM_FOLDERS}"
    if found := shutil.which(program, path=path):
        return found
    raise NginxError(f"{program} is not installed: apt-get install {program} (Debian, Ubuntu), brew install {program}")
