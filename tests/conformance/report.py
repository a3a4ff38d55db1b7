"""Verdicts as a table for readers, as JSON for programs, and side by side as Markdown."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from tests.conformance.profile import Profile
from tests.conformance.rule import Level, Result, Rule, Verdict

MARK = {Result.PASSED: "passed", Result.FAILED: "FAILED", Result.NOT_APPLICABLE: "n/a"}
GENERAL = (Level.MUST, Level.SHOULD, Level.MEANS)


def table(profile: Profile, verdicts: Sequence[Verdict]) -> str:
    """Return a line for each rule, and the sums."""
    rows = [("rule", "source", "level", "result", "observed")]
    rows += [
        (each.rule.id, each.rule.source, each.rule.level.value, MARK[each.result], _clipped(_seen(profile, each), 70))
        for each in verdicts
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    lines = [
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[4]]) for row in rows
    ]
    for each in verdicts:
        if each.result is Result.FAILED:
            lines += ["", f"{each.rule.id} ({each.rule.source}, {each.rule.level.value}): {each.rule.sentence}"]
            lines.append(f"    {_seen(profile, each)}")
    return "\n".join([*lines, "", summary(profile, verdicts)])


def summary(profile: Profile, verdicts: Sequence[Verdict]) -> str:
    """Return the sums in a line for each group."""
    groups = {"general rules": [each for each in verdicts if each.rule.level in GENERAL]}
    groups["contract"] = [each for each in verdicts if each.rule.level is Level.CONTRACT]
    return "\n".join(f"{profile.name}: {name}: {_sums(found)}" for name, found in groups.items() if found)


def broken(profile: Profile, verdicts: Sequence[Verdict]) -> list[Verdict]:
    """Return the rules that failed and are not among the profile's deviations."""
    return [each for each in verdicts if each.result is Result.FAILED and each.rule.id not in profile.deviations]


def document(profile: Profile, url: str, verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """Return everything as a JSON object."""
    return {
        "name": profile.name,
        "url": url,
        "summary": {result.value: count for result, count in sorted(Counter(each.result for each in verdicts).items())},
        "rules": [
            {
                "id": each.rule.id,
                "sentence": each.rule.sentence,
                "source": each.rule.source,
                "level": each.rule.level.value,
                "result": each.result.value,
                "seen": each.seen,
                "deviation": profile.deviations.get(each.rule.id),
            }
            for each in verdicts
        ],
    }


def sums(columns: Mapping[str, Sequence[Verdict]]) -> str:
    """Return the table of the page ``docs/evidence/conformance.md``: rules that passed, of those that apply."""
    lines = [f"| level | {' | '.join(columns)} |", f"|---|{'---|' * len(columns)}"]
    names = {Level.MEANS: "definition of a status or field"}
    lines += [
        _row(names.get(level, level.value), [score(each, level) for each in columns.values()]) for level in GENERAL
    ]
    return "\n".join(lines)


def markdown(columns: Mapping[str, Sequence[Verdict]]) -> str:
    """Return the general rules, a column for each API, with the sums first."""
    found = {name: {each.rule.id: each for each in verdicts} for name, verdicts in columns.items()}
    rules = [each.rule for each in next(iter(columns.values())) if each.rule.level in GENERAL]
    lines = [f"| | {' | '.join(columns)} |", f"|---|{'---|' * len(columns)}"]
    lines += [
        _row(f"{level.value}: passed of applicable", [score(each, level) for each in columns.values()])
        for level in GENERAL
    ]
    lines += ["", f"| rule | level | | {' | '.join(columns)} |", f"|---|---|---|{'---|' * len(columns)}"]
    for rule in rules:
        results = [_cell(verdicts.get(rule.id)) for verdicts in found.values()]
        lines.append(_row(f"{rule.id} {_escaped(rule.sentence)}", [rule.level.value, rule.source, *results]))
    lines += ["", "Observations where a rule failed:", ""]
    for name, verdicts in columns.items():
        lines += [f"- {name} {each.rule.id}: {_escaped(each.seen)}" for each in verdicts if _failed(each)]
    return "\n".join([*lines, ""])


def side_by_side(columns: Mapping[str, Sequence[Verdict]]) -> str:
    """Return the general rules as plain text, a column for each API."""
    rules: list[Rule] = [each.rule for each in next(iter(columns.values())) if each.rule.level in GENERAL]
    rows = [("rule", "source", "level", *columns)]
    found = [{each.rule.id: each for each in verdicts} for verdicts in columns.values()]
    rows += [
        (rule.id, rule.source, rule.level.value, *(MARK[verdicts[rule.id].result] for verdicts in found))
        for rule in rules
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def _seen(profile: Profile, verdict: Verdict) -> str:
    reason = profile.deviations.get(verdict.rule.id)
    return f"{verdict.seen} (known: {reason})" if reason and verdict.result is Result.FAILED else verdict.seen


def _failed(verdict: Verdict) -> bool:
    return verdict.result is Result.FAILED and verdict.rule.level in GENERAL


def _sums(verdicts: Sequence[Verdict]) -> str:
    counted = Counter(each.result for each in verdicts)
    return f"{len(verdicts)} rules: " + ", ".join(f"{counted[result]} {result.value}" for result in Result)


def score(verdicts: Sequence[Verdict], level: Level) -> str:
    """Return the number of rules of a level that passed, of those that apply."""
    asked = [each for each in verdicts if each.rule.level is level and each.result is not Result.NOT_APPLICABLE]
    return f"{sum(each.result is Result.PASSED for each in asked)} of {len(asked)}"


def _cell(verdict: Verdict | None) -> str:
    if verdict is None or verdict.result is Result.NOT_APPLICABLE:
        return "–"
    return "passed" if verdict.result is Result.PASSED else "**failed**"


def _row(first: str, cells: Sequence[str]) -> str:
    return f"| {first} | {' | '.join(cells)} |"


def _escaped(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")


def _clipped(text: str, width: int) -> str:
    plain = "".join(character if character.isprintable() else "?" for character in text)
    return plain if len(plain) <= width else f"{plain[: width - 1]}…"
