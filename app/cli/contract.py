"""``flask contract``: the public API contract, as recorded at the last release."""

from collections.abc import Callable, Mapping
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

from flask import current_app

from app.cli.terminal import Failed, Group, lines
from app.config import ROOT

if TYPE_CHECKING:
    from app.contract.contract_change import Change

FOLDER: Final = ROOT / "contract"
CHANGELOG: Final = ROOT / "CHANGELOG.md"

group = Group("contract", help="The public API contract of the last release.")


@group.command("check")
def check() -> None:
    """Compare the code with contract/. Fail on a breaking change, or on an addition that CHANGELOG.md lacks."""
    from app.contract import changelog_check  # noqa: PLC0415 -- for development only

    found = _changes(_present())
    broken = [each for each in found if each.is_breaking]
    unmentioned = changelog_check.unmentioned(found, CHANGELOG.read_text())
    lines(*(f"added: {each.sentence}" for each in found if not each.is_breaking and each not in unmentioned))
    faults = [f"breaking: {each.sentence}" for each in broken]
    faults += [f"not in CHANGELOG.md under Unreleased: {each.sentence}" for each in unmentioned]
    if faults:
        advice = "`flask contract accept` records the current state as a release: clients have to adapt to it."
        raise Failed("The contract does not hold.", *faults, *([advice] if broken else []))
    lines(f"The contract holds. Additions: {len(found)}.")


@group.command("accept")
def accept() -> None:
    """Record the current contract in contract/ at a release, and list its changes for clients."""
    from app.contract import contract_record  # noqa: PLC0415 -- as above

    present = _present()
    if all((FOLDER / name).exists() for name in contract_record.FILES):
        found = sorted(_changes(present), key=lambda each: not each.is_breaking)
        lines(*(f"{'breaking' if each.is_breaking else 'added'}: {each.sentence}" for each in found))
    contract_record.record(FOLDER, present)
    lines(f"Recorded in {FOLDER.name}/: {', '.join(contract_record.FILES)}.")


def _present() -> dict[str, Any]:
    """Return the record of the current code.

    Raises:
        Failed: gRPC is not installed; its protocol is part of the contract.
    """
    if find_spec("grpc") is None:
        raise Failed("The contract includes the protocol of gRPC: install requirements/dev.lock")
    from app.contract import contract_record  # noqa: PLC0415 -- it loads gRPC

    return contract_record.current(current_app._get_current_object())  # type: ignore[attr-defined]  # noqa: SLF001 -- public


def _changes(present: Mapping[str, Any]) -> "list[Change]":
    """Return the changes since the record.

    Raises:
        Failed: the record is missing or unreadable.
    """
    from app.contract import contract_record, error_comparison, operations, proto  # noqa: PLC0415 -- as above

    try:
        before = contract_record.recorded(FOLDER)
    except (OSError, ValueError) as fault:
        raise Failed(f"contract/ cannot be read ({fault}). `flask contract accept` records it.") from None
    comparisons: dict[str, Callable[[Mapping[str, Any], Mapping[str, Any]], list[Change]]] = {
        "openapi.json": operations.changes,
        "errors.json": error_comparison.changes,
        "proto.json": proto.changes,
    }
    return [each for name, changes in comparisons.items() for each in changes(before[name], present[name])]
