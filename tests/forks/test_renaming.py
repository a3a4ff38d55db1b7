"""Replaces every form of a name, and nothing else."""

import subprocess
from pathlib import Path

import pytest

from app import product
from app.config import ROOT
from forks.__main__ import UPSTREAM
from forks.answers import Answers
from forks.naming import Names
from forks.renaming import Renaming, is_kept, tracked

RENAMING = Renaming(Names("Candor", "candor"), Names("Acme Orders", "acme"))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("Candor does not start", "Acme Orders does not start"),
        ("Candor's rules", "Acme Orders's rules"),
        ("class TestCandor:", "class TestAcmeOrders:"),
        ("/etc/candor/candor.env", "/etc/acme/acme.env"),
        ("candor@1.service", "acme@1.service"),
        ("candor:requests:rate5m", "acme:requests:rate5m"),
        ("import candor_client", "import acme_client"),
        ("$CANDOR_TOKEN", "$ACME_TOKEN"),
        ("a candid order", "a candid order"),
    ],
)
def test_every_form(before: str, after: str) -> None:
    assert RENAMING.text(before) == after


def test_a_name_within_the_former_name_is_rejected() -> None:
    with pytest.raises(ValueError, match="'candor'"):
        Renaming(Names("Candor", "candor"), Names("Candor Two", "candortwo"))


def test_files_and_folders(tmp_path: Path) -> None:
    for path, content in {"candor/candor.conf": b"candor", "LICENSE": b"Candor", "a.png": b"\xffcandor"}.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_bytes(content)
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    subprocess.run(["git", "add", "-A"], cwd=tmp_path, check=True)
    assert RENAMING.tree(tmp_path) == 1
    found = {str(path.relative_to(tmp_path)): path.read_bytes() for path in tmp_path.rglob("*.*") if path.is_file()}
    assert {name: found[name] for name in ("acme/acme.conf", "a.png")} == {
        "acme/acme.conf": b"acme",
        "a.png": b"\xffcandor",
    }
    assert (tmp_path / "LICENSE").read_bytes() == b"Candor"


def test_upstream_is_the_name_in_the_code() -> None:
    """After ``make init`` the recorded name is."""
    answers = Answers.read(ROOT)
    names = answers.names if answers else UPSTREAM
    assert (names.title, names.slug) == (product.NAME, product.SLUG)


def test_no_file_has_another_form_of_the_name() -> None:
    """Such a form would stay after ``make init``."""
    forms = {UPSTREAM.title, UPSTREAM.slug, UPSTREAM.slug.upper()}
    for path in tracked(ROOT):
        if not is_kept(path):
            text = (ROOT / path).read_bytes().decode(errors="replace")
            lower = text.lower()
            assert lower.count(UPSTREAM.slug) == sum(text.count(form) for form in forms), path
