"""Every fault is documented: in its docstring and in ``docs/evidence/drill.md``."""

import inspect
import re
from typing import Final

import pytest

from tests.drill.faults import FAULTS, Fault, name_of
from tests.stack.deployment import ROOT

DRILL: Final = (ROOT / "docs" / "evidence" / "drill.md").read_text(encoding="utf-8").partition("<!-- /drill -->")[2]
"""The part of the page that describes the faults, below the table that a run writes."""


def test_names_are_unique() -> None:
    assert len(set(map(name_of, FAULTS))) == len(FAULTS)


@pytest.mark.parametrize("fault", FAULTS, ids=name_of)
def test_each_docstring_describes_the_fault_and_the_promises(fault: Fault) -> None:
    does, _, promises = inspect.cleandoc(fault.__doc__ or "").partition("\n\n")
    assert does.endswith(".")
    assert promises


@pytest.mark.parametrize("fault", FAULTS, ids=name_of)
def test_each_has_a_row_in_the_documentation(fault: Fault) -> None:
    assert re.search(rf"^\| .*`{name_of(fault)}`", DRILL, re.MULTILINE)
