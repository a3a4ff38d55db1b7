"""Accidental changes of the contract: seeded breaking changes are found, each in one sentence; others pass."""

import re
from collections.abc import Callable
from copy import deepcopy
from itertools import chain
from typing import Any

import pytest
from flask import Flask

from app.contract import changelog_check, error_comparison, operations, proto
from app.contract.contract_change import Change
from app.contract.contract_record import current, record, recorded
from tests.law.contract_seeds import BREAKING, HARMLESS, State

pytestmark = pytest.mark.slow

Seed = Callable[[State], None]
COMPARISONS: Any = {
    "openapi.json": operations,
    "errors.json": error_comparison,
    "proto.json": proto,
}


@pytest.fixture(scope="module")
def state(app: Flask) -> State:
    """Return the record of the current code."""
    return current(app)


def changes(old: State, new: State) -> list[Change]:
    return list(chain.from_iterable(each.changes(old[name], new[name]) for name, each in COMPARISONS.items()))


def changed(state: State, seed: Seed) -> list[Change]:
    new = deepcopy(state)
    seed(new)
    return changes(state, new)


def documented(seed: Seed) -> str:
    return " ".join((seed.__doc__ or "").split())


def uncounted(sentence: str) -> str:
    """Return a sentence without the number of additional operations, which grows with the API."""
    return re.sub(r" and [0-9]+ more\b", " and more", sentence)


def test_the_number_of_seeds_has_a_minimum() -> None:
    assert len(BREAKING) >= 30
    assert len(HARMLESS) >= 15


@pytest.mark.parametrize("name", BREAKING)
def test_a_breaking_change_is_found_in_one_sentence(state: State, name: str) -> None:
    found = changed(state, BREAKING[name])
    assert [uncounted(each.sentence) for each in found if each.is_breaking] == [uncounted(documented(BREAKING[name]))]


@pytest.mark.parametrize("name", HARMLESS)
def test_a_compatible_change_passes_once_changelog_mentions_it(state: State, name: str) -> None:
    found, entry = changed(state, HARMLESS[name]), documented(HARMLESS[name])
    assert [each.sentence for each in found if each.is_breaking] == []
    text = "# Changelog\n\n## Unreleased (9.9.9)\n\n- Something else.\n{}\n\n## 9.9.8\n\n{}\n"
    assert changelog_check.unmentioned(found, text.format(entry, "- Old.")) == []
    assert bool(changelog_check.unmentioned(found, text.format("", entry))) == bool(entry)


def test_texts_are_not_part_of_the_record(state: State) -> None:
    assert state["openapi.json"]["info"].keys() == {"title", "version", "license"}
    create = state["openapi.json"]["paths"]["/v1/tasks"]["post"]
    assert create.keys() & {"summary", "description", "tags"} == set()
    assert create["responses"]["201"]["description"] == ""
    task = state["openapi.json"]["components"]["schemas"]["Task"]["properties"]
    assert {"description", "tags", "title"} <= task.keys(), "properties can have these names"
    assert task["title"].keys() == {"type", "minLength", "maxLength", "pattern"}


def test_the_record_is_an_openapi_document(state: State) -> None:
    from openapi_spec_validator import OpenAPIV31SpecValidator

    assert list(OpenAPIV31SpecValidator(state["openapi.json"]).iter_errors()) == []


def test_a_written_record_is_read_unchanged(state: State, tmp_path: Any) -> None:
    record(tmp_path / "contract", state)
    assert recorded(tmp_path / "contract") == state
    assert changes(recorded(tmp_path / "contract"), state) == []


def test_every_code_and_kind_is_recorded(state: State) -> None:
    codes = {
        code
        for item in state["openapi.json"]["paths"].values()
        for each in item.values()
        if isinstance(each, dict)
        for code in each["x-errors"]
    }
    assert codes <= state["errors.json"]["codes"].keys()
    kinds = state["errors.json"]["kinds"]
    assert {each["kind"] for each in state["errors.json"]["codes"].values()} <= kinds.keys()


class TestChangelog:
    @pytest.mark.parametrize(
        ("entry", "is_mentioned"),
        [
            ("- `GET /v1/tasks/{id}`", True),
            ("- `GET`, `PUT /v1/tasks/{task_id}`: they are new.", True),
            ("- `PUT /v1/tasks/{id}`", False),
            ("- `GET /v1/tasks`", False),
            ("- `GET /v1/tasks/{id}:cancel`", False),
            ("- `GET /v1/tasks/{id}/notes`", False),
            ("- `GET` is new.\n- `/v1/tasks/{id}` is not.", False),
        ],
    )
    def test_an_operation_is_identified_by_method_and_path(self, entry: str, is_mentioned: bool) -> None:
        change = Change("new", names=("GET", "/v1/tasks/{task_id}"))
        assert (changelog_check.unmentioned([change], f"## Unreleased\n\n{entry}\n") == []) is is_mentioned

    def test_a_name_is_found_as_a_whole_word(self) -> None:
        change = Change("new", names=("colour",))
        assert changelog_check.unmentioned(
            [change], "## Unreleased\n\n- `colour_scheme`, `my-colour`, `discolour`\n"
        ) == [change]
        assert changelog_check.unmentioned([change], "## Unreleased\n\n- `Task.colour`\n") == []
