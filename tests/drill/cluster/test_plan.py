"""The plan of ``make drill-cluster``, and the description of its faults in ``docs/evidence/cluster.md``."""

import re
from typing import Final

import pytest

from tests.drill.cluster.__main__ import planned
from tests.drill.cluster.faults import DEFAULT, OTHERS, Fault, name_of
from tests.stack.deployment import ROOT

PAGE: Final = (ROOT / "docs" / "evidence" / "cluster.md").read_text(encoding="utf-8")
DESCRIPTION: Final = PAGE.partition("<!-- /drill-cluster -->")[2]


def test_by_default_it_is_short() -> None:
    plan = planned({})
    assert (plan.faults, plan.ways, plan.runs, plan.is_complete) == (DEFAULT, ("hosts",), 3, True)


def test_all() -> None:
    plan = planned({"ALL": "1"})
    assert (len(plan.faults), plan.ways, plan.runs) == (
        len(DEFAULT) + len(OTHERS),
        ("hosts", "haproxy", "pgbouncer"),
        5,
    )


def test_some() -> None:
    plan = planned({"ONLY": "link-down, switchover", "WAYS": "haproxy", "RUNS": "1"})
    assert [name_of(fault) for fault in plan.faults] == ["link-down", "switchover"]
    assert (plan.ways, plan.runs, plan.is_complete) == (("haproxy",), 1, False)


@pytest.mark.parametrize("environ", [{"ONLY": "earthquake"}, {"WAYS": "carrier-pigeon"}])
def test_unknown_names(environ: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="is unknown; faults: switchover"):
        planned(environ)


@pytest.mark.parametrize("fault", [*DEFAULT, *OTHERS], ids=name_of)
def test_each_fault_is_described(fault: Fault) -> None:
    assert (fault.__doc__ or "").strip().endswith(".")
    assert re.search(rf"^\| `{name_of(fault)}`", DESCRIPTION, re.MULTILINE)
