"""``.env.example`` contains every setting with its default and description from ``app.config``."""

import re
from dataclasses import fields

from app.config import ROOT, Settings
from app.config.setting import default_of

SETTING = re.compile(r"((?:# .*\n)+)# ([A-Z_]+)=(.*)\n")


def spelled(default: object) -> str:
    """Return a default as an environment variable contains it."""
    if isinstance(default, tuple):
        return " ".join(map(str, default))
    return (
        str(default).lower()
        if isinstance(default, bool)
        else f"{default:g}"
        if type(default) is float
        else str(default)
    )


def test_it_lists_every_setting() -> None:
    listed = {name for _, name, _ in SETTING.findall((ROOT / ".env.example").read_text())}
    faults = [
        f".env.example lacks {name}: write these two lines there, at the place that the field has in Settings:\n"
        f"# {each.metadata['says']}\n# {name}={spelled(default_of(each))}"
        for each in fields(Settings)
        if (name := each.name.upper()) not in listed
    ]
    assert not faults, "\n".join(faults)


def test_it_lists_every_setting_with_default_and_description_in_order() -> None:
    text = (ROOT / ".env.example").read_text()
    listed = [
        (name, default, " ".join(line.removeprefix("# ") for line in comment.splitlines()))
        for comment, name, default in SETTING.findall(text)
    ]
    expected = [(each.name.upper(), spelled(default_of(each)), each.metadata["says"]) for each in fields(Settings)]
    assert listed == expected


def test_it_sets_nothing() -> None:
    lines = (ROOT / ".env.example").read_text().splitlines()
    assert all(line.startswith("# ") for line in lines if line)
