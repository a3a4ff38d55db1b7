"""Defaults of development for required settings: a generated secret, and the embedded database."""

import os
import secrets
from pathlib import Path
from typing import Final

from app import product

SECRET_BYTES: Final = 32


def secret(local: Path) -> str:
    """Return the secret in ``.local/``, created on first use; if that fails, a secret for this process."""
    path = local / "jwt-secret"
    try:
        local.mkdir(exist_ok=True)
        made = path.with_name(f"jwt-secret.{os.getpid()}.{secrets.token_hex(4)}")
        if not path.exists():
            with os.fdopen(os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(secrets.token_hex(SECRET_BYTES))
            if os.geteuid() == 0:
                os.chown(made, local.stat().st_uid, local.stat().st_gid)
            try:
                os.link(made, path)
            except FileExistsError:
                pass
            finally:
                made.unlink()
        return path.read_text().strip()
    except OSError:
        return secrets.token_hex(SECRET_BYTES)


def database(local: Path) -> str:
    """Return the URL of the embedded PostgreSQL, or PostgreSQL's default address if there is none."""
    try:
        return (local / "database-url").read_text().strip()
    except OSError:
        return f"postgresql+psycopg://{product.SLUG}@127.0.0.1:5432/{product.SLUG}"
