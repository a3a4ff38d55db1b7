"""The profile of an API: a collection, a body that creates, one that does not, and a token."""

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
    """The profile cannot be used; the message is the reason."""


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
    """The path of a created item: ``{Location}``, or with members of the response, such as ``/items/{id}``."""
    item_methods: tuple[str, ...] = ("GET",)
    """The methods of an item, besides HEAD and OPTIONS."""
    is_unique: bool = False
    """True if the same body cannot create twice."""
    patch: str = ""
    """A body that changes an item, and answers 2xx."""
    patch_invalid: str = ""
    """A body with one valid member, the ``"{unique}"`` one, and one invalid."""
    patch_type: str = "application/json"
    public: tuple[str, ...] = ()
    """Paths that answer GET with 200 without a token."""
    negotiated: str = ""
    """A public path whose response depends on Accept."""
    token: str = ""
    token_without_scope: str = ""
    body_limit: int = 0
    """The largest accepted body, in bytes."""
    ca_file: str = ""
    """Certificates to trust instead of the system's, when the URL is https; SSL_CERT_FILE does the same."""
    contract: str = ""
    deviations: Mapping[str, str] = field(default_factory=dict)
    """Known violations of rules, and the reasons: they are reported as failed, and do not fail the run."""

    @classmethod
    def read(cls, path: Path, *, fetches_tokens: bool = True) -> "Profile":
        """Return the profile in a TOML file; ``fetches_tokens`` fetches its tokens. Raises: ProfileError."""
        try:
            values = tomllib.loads(path.read_text(encoding="utf-8"))
            for name in ("token", "token_without_scope"):
                values[name] = _token(values.get(name, "")) if fetches_tokens else ""
            for name in ("item_methods", "public"):
                if name in values:
                    values[name] = tuple(values[name])
            return cls(**values)
        except (OSError, tomllib.TOMLDecodeError, TypeError) as fault:
            raise ProfileError(f"{path}: {fault}") from None

    def body(self, *, template: str = "", text: str | None = None, also: str = "") -> bytes:
        """Return a body that creates.

        Args:
            template: instead of the valid one.
            text: the JSON value that takes the place of the unique string, such as ``"1e400"``.
            also: additional members, such as ``'"extra": NaN'``.
        """
        template = template or self.valid
        value = f'"{unique()}"' if text is None else text
        members = f"{value}, {also}" if also else value
        return template.replace(PLACE, members).encode("utf-8", "surrogatepass")

    def path_of(self, document: Mapping[str, Any], location: str | None) -> str | None:
        """Return the path of a created item; ``None`` when the response does not contain it."""
        if self.item == "{Location}":
            return location
        try:
            return re.sub(r"\{(\w+)\}", lambda found: str(document[found[1]]), self.item)
        except KeyError:
            return None


def unique() -> str:
    """Return a text that was never used before, of letters, digits and hyphens."""
    return f"conformance-{secrets.token_hex(8)}"


def _token(source: str | Mapping[str, str]) -> str:
    """Return the token itself, or the one in a variable or from a command. Raises: ProfileError."""
    if isinstance(source, str):
        return source
    if value := os.environ.get(source.get("env", "")):
        return value
    if "command" not in source:
        return ""
    done = subprocess.run(shlex.split(source["command"]), capture_output=True, text=True, check=False)
    if done.returncode != 0 or not done.stdout.strip():
        raise ProfileError(f"{source['command']}: {done.stderr.strip()[-200:] or 'no output'}")
    return done.stdout.strip()
