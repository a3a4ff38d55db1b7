"""Secrets: each signs one type of data, and ``docs/operate/secrets.md`` lists all of them."""

import re
from dataclasses import fields
from typing import Final

from app.config import ROOT, Settings
from app.config.setting import default_of

PAGE: Final = (ROOT / "docs" / "operate" / "secrets.md").read_text()
SECRET: Final = re.compile(r"secret|token$|_key$|_keys$|_url$")
PUBLIC: Final = {
    *("public_url", "google_url", "trace_url"),
    *("users_url", "preferences_url"),
    *("activation_url", "password_reset_url", "documentation_url"),
}
"""URLs that are requested without credentials."""
USES: Final = {
    "jwt_secret": {
        "app/config/__init__.py": 1,
        "app/config/environment.py": 2,
        "app/config/rules.py": 6,
        "app/rest/__init__.py": 1,
        "app/wiring/accounts.py": 1,
        "deploy/containers/compose_setup.py": 2,
        "gunicorn.conf.py": 1,
    },
    "jwt_keys": {
        "app/config/__init__.py": 1,
        "app/config/rules.py": 4,
        "app/wiring/accounts.py": 1,
        "gunicorn.conf.py": 1,
    },
    "page_token_secret": {"app/config/__init__.py": 1, "app/config/rules.py": 5, "app/rest/__init__.py": 1},
}
"""How often each file mentions the signing keys. A new use requires its own key, not a line here."""


def test_every_secret_is_listed() -> None:
    secrets = {each.name for each in fields(Settings) if SECRET.search(each.name)} - PUBLIC
    assert {name for name in secrets if f"`{name.upper()}`" not in PAGE} == set()
    assert {"jwt_secret", "jwt_keys", "page_token_secret", "debug_token", "database_url"} <= secrets


def test_no_secret_has_a_default() -> None:
    """A default is in the repository, where every reader finds it."""
    faults = [
        f'{each.name.upper()} is a secret and has the default {default_of(each)!r}: write "" as its default in'
        " app/config/__init__.py, and a rule in app/config/rules.py that production requires it"
        for each in fields(Settings)
        if SECRET.search(each.name) and each.name not in PUBLIC and (default_of(each) or each.metadata["production"])
    ]
    assert not faults, "\n".join(faults)


def test_a_signing_key_is_used_for_one_purpose() -> None:
    sources = [*(ROOT / "app").rglob("*.py"), *(ROOT / "deploy").rglob("*.py"), ROOT / "gunicorn.conf.py"]
    for name, expected in USES.items():
        word = re.compile(rf"\b{name}\b")
        found = {str(path.relative_to(ROOT)): len(word.findall(path.read_text())) for path in sources}
        assert {path: count for path, count in found.items() if count} == expected, name


def test_commands_of_the_page_exist() -> None:
    from app.cli import tokens

    assert set(re.findall(r"`flask tokens ([a-z-]+)", PAGE)) <= set(tokens.group.commands)
