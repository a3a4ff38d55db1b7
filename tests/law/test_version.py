"""The version is declared in two places that must agree."""

import tomllib

from app.config import ROOT, VERSION


def test_the_package_has_the_version_of_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["version"] == VERSION
