"""The version is said in two places, and is the same."""

import tomllib

from app.config import ROOT, VERSION


def test_the_package_says_what_the_project_says() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["version"] == VERSION
