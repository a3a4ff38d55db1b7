"""What the suite has to be told of an API: a collection, a body that creates, one that does not, and a token."""

import os
import re
import secrets
import shlex
import subprocess
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

PLACE: Final = '"{unique}"'


class ProfileError(Exception):
    """The profile cannot be used; says why."""


@dataclass(frozen=True, kw_only=True)
class Profile:
    """An API, as far as the rules need to know it.

    Bodies are JSON texts in which ``"{unique}"``, quotes included, is the one string that is new each time.
    """

    name: str
    collection: str
    """The path that lists by GET and creates by POST, and needs the token if there is one."""
    valid: str
    invalid: str = ""
    """A JSON body that breaks a rule of the API."""
    content_type: str = "application/json"
    item: str = "{Location}"
    """The path of what was created: ``{Location}``, or with members of the answer, such as ``/items/{id}``."""
    item_methods: tuple[str, ...] = ("GET",)
    """What an item answers, beside HEAD and OPTIONS."""
    is_unique: bool = False
    """Whether the same body cannot create twice."""
    patch: str = ""
    """A body that changes an item, and answers 2xx."""
    patch_invalid: str = ""
    """A body with one good member, the ``"{unique}"`` one, and one bad."""
    patch_type: str = "application/json"
    public: tuple[str, ...] = ()
    """Paths that answer GET with 200 without a token."""
    negotiated: str = ""
    """A public path whose answer depends on Accept."""
    token: str = ""
    token_without_scope: str = ""
    body_limit: int = 0
    """The largest body that is taken, in bytes."""
    ca_file: str = ""
    """Certificates to trust instead of the system's, when the URL is https; SSL_CERT_FILE does the same."""
    contract: str = ""
    deviations: Mapping[str, str] = field(default_factory=dict)
    """Rules that are known to be broken, and why: they are told as failed, and do not fail the run."""

    @classmethod
    def read(cls, path: Path, *, asks: bool = True) -> "Profile":
        """Return the profile in a TOML file; ``asks`` fetches its tokens. Raises: ProfileError."""
        try:
            said = tomllib.loads(path.read_text(encoding="utf-8"))
            for name in ("token", "token_without_scope"):
                said[name] = _token(said.get(name, "")) if asks else ""
            for name in ("item_methods", "public"):
                if name in said:
                    said[name] = tuple(said[name])
            return cls(**said)
        except (OSError, tomllib.TOMLDecodeError, TypeError) as fault:
            raise ProfileError(f"{path}: {fault}") from None

    def body(self, *, template: str = "", text: str | None = None, also: str = "") -> bytes:
        """Return a body that creates.

        Args:
            template: instead of the valid one.
            text: the JSON value that takes the place of the unique string, such as ``"1e400"``.
            also: members to stand beside it, such as ``'"extra": NaN'``.
        """
        template = template or self.valid
        value = f'"{unique()}"' if text is None else text
        members = f"{value}, {also}" if also else value
        return template.replace(PLACE, members).encode("utf-8", "surrogatepass")

    def path_of(self, document: Mapping[str, Any], location: str | None) -> str | None:
        """Return the path of what was created; ``None`` when the answer does not tell."""
        if self.item == "{Location}":
            return location
        try:
            return re.sub(r"\{(\w+)\}", lambda found: str(document[found[1]]), self.item)
        except KeyError:
            return None


def unique() -> str:
    """Return a text that was never used before, of letters, digits and hyphens."""
    return f"conformance-{secrets.token_hex(8)}"


def _token(said: str | Mapping[str, str]) -> str:
    """Return the token itself, or what a variable or a command says it is. Raises: ProfileError."""
    if isinstance(said, str):
        return said
    if value := os.environ.get(said.get("env", "")):
        return value
    if "command" not in said:
        return ""
    done = subprocess.run(shlex.split(said["command"]), capture_output=True, text=True, check=False)
    if done.returncode != 0 or not done.stdout.strip():
        raise ProfileError(f"{said['command']}: {done.stderr.strip()[-200:] or 'said nothing'}")
    return done.stdout.strip()
