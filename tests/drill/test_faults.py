"""The faults are told of where people look: in the drill's own words, and in the README."""

import inspect

import pytest

from tests.drill.faults import FAULTS, Fault, name_of
from tests.stack.deployment import ROOT


def test_names_are_unique() -> None:
    assert len(set(map(name_of, FAULTS))) == len(FAULTS)


@pytest.mark.parametrize("fault", FAULTS, ids=name_of)
def test_each_says_what_it_does_and_what_is_promised(fault: Fault) -> None:
    does, _, promises = inspect.cleandoc(fault.__doc__ or "").partition("\n\n")
    assert does.endswith(".")
    assert promises


@pytest.mark.parametrize("fault", FAULTS, ids=name_of)
def test_each_has_its_line_in_the_readme(fault: Fault) -> None:
    assert f"`{name_of(fault)}`" in (ROOT / "README.md").read_text(encoding="utf-8")
