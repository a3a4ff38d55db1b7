"""The version is in one place, ``app/config/__init__.py``; other files that need it agree."""

import re
import tomllib

from app.config import ROOT, VERSION


def test_the_project_reads_it() -> None:
    """Tools of packages find it in ``pyproject.toml``."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["dynamic"] == ["version"]


def test_the_changelog_begins_with_it() -> None:
    heading = re.search("(?m)^## .*$", (ROOT / "CHANGELOG.md").read_text())
    assert heading is not None
    assert VERSION in heading[0]


def test_the_manifests_deploy_it() -> None:
    for path in (ROOT / "deploy" / "kubernetes" / "overlays").glob("*/kustomization.yaml"):
        assert f"newTag: v{VERSION}\n" in path.read_text(), path
