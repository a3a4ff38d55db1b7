"""Reads all settings from the environment, and rejects it with a list of all faults."""

from collections.abc import Mapping, Sequence
from dataclasses import Field
from pathlib import Path
from typing import Any

from app.config import development, postgresql_url, rules
from app.config.invalid_settings import InvalidSettings
from app.config.readers import authority
from app.config.setting import default_of


def read(settings: "Sequence[Field[Any]]", environ: Mapping[str, str], *, local: Path) -> dict[str, Any]:
    """Return the value of each setting by name; in development, ``local`` has the secret and the database.

    Raises:
        InvalidSettings: at least one setting is invalid; the exception names all of them.
    """
    values, faults = _read_each(settings, environ)
    if values["app_env"] == "development" and "database_url" not in faults:
        values["database_url"] = values["database_url"] or development.database(local)
    try:
        values["database_url"] = values["database_url"] and postgresql_url.with_environment(
            values["database_url"], environ
        )
    except ValueError as fault:
        faults["database_url"] = str(fault)
    faults = rules.faults(values) | faults
    if faults:
        raise InvalidSettings([f"{each.name.upper()} {faults[each.name]}." for each in settings if each.name in faults])
    if values["app_env"] == "development":
        values["jwt_secret"] = values["jwt_secret"] or development.secret(local)
    values["public_url"] = values["public_url"] or (
        f"http://{authority(values['host'], values['port'])}{values['script_name']}"
    )
    return values


def _read_each(settings: "Sequence[Field[Any]]", environ: Mapping[str, str]) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the values, and the faults of texts that their readers reject."""
    values: dict[str, Any] = {}
    faults: dict[str, str] = {}
    for each in settings:
        unset = each.metadata["production"] if values.get("app_env") == "production" else ""
        text = environ.get(each.name.upper(), "").strip() or unset
        try:
            values[each.name] = each.metadata["parse"](text) if text else default_of(each)
        except ValueError as fault:
            faults[each.name] = str(fault)
            values[each.name] = default_of(each)
    return values, faults
