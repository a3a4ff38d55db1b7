"""PATCH /v1/tasks/{id}: updated members, field masks, and concurrent updates."""

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text

from app.extensions import db
from tests.api.caller import Caller, answered, at_once, path_of, rejected, violated

FULL: dict[str, Any] = {
    "description": "Two litres",
    "status": "STATUS_IN_PROGRESS",
    "priority": "PRIORITY_HIGH",
    "due_date": "2099-01-31T12:00:00Z",
    "tags": ["home", "shop"],
}
CLEARED: dict[str, Any] = {
    "description": None,
    "status": "STATUS_PENDING",
    "priority": "PRIORITY_MEDIUM",
    "due_date": None,
    "tags": [],
}


def changed(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """Return the members that differ, except the time of the update."""
    return {name: value for name, value in after.items() if value != before[name] and name != "update_time"}


class TestMembers:
    """Without a mask, the writable members in the body are set."""

    def test_ok(self, alice: Caller) -> None:
        """C20: the whole task and its new tag."""
        before = alice.task(**FULL)
        response = alice.patch(path_of(before), json={"title": "Buy oat milk"})
        after = answered(response)
        assert changed(before, after) == {"title": "Buy oat milk"}
        assert after["update_time"] > before["update_time"]
        found = alice.get(path_of(before))
        assert answered(found) == after
        assert found.headers["ETag"] == response.headers["ETag"]

    @pytest.mark.parametrize("member", list(CLEARED))
    @pytest.mark.parametrize("content_type", ["application/json", "application/merge-patch+json"])
    def test_null_clears_a_member(self, alice: Caller, member: str, content_type: str) -> None:
        """C14, RFC 7396: null unsets; a member with a default gets it."""
        before = alice.task(**FULL)
        after = answered(alice.patch(path_of(before), json={member: None}, content_type=content_type))
        assert changed(before, after) == {member: CLEARED[member]}

    def test_null_cannot_clear_the_title(self, alice: Caller) -> None:
        """C14: null for a required member is a violation."""
        assert violated(alice.patch(path_of(alice.task()), json={"title": None})) == [("title", "REQUIRED_FIELD")]

    def test_an_empty_object_changes_nothing(self, alice: Caller) -> None:
        """An empty object without a mask is 200, and the tag stays."""
        created = alice.create(**FULL)
        response = alice.patch(created.headers["Location"], json={})
        assert answered(response) == created.json
        assert response.headers["ETag"] == created.headers["ETag"]

    def test_output_only_members_are_ignored(self, alice: Caller) -> None:
        """A response can be sent back."""
        before = alice.task(**FULL)
        sent = {**before, "name": "tasks/1", "created_by": "bob", "create_time": None, "title": "Renamed"}
        assert changed(before, answered(alice.patch(path_of(before), json=sent))) == {"title": "Renamed"}

    @pytest.mark.parametrize(
        ("body", "expected"),
        [
            ({"task": {"title": "x"}}, [("task", "UNKNOWN_FIELD")]),
            ({"title": "", "version": 2}, [("title", "TOO_SHORT"), ("version", "UNKNOWN_FIELD")]),
            ({"tags": ["a", "a"]}, [("tags[1]", "DUPLICATE_TAG")]),
            ({"due_date": "2001-01-01T00:00:00Z"}, [("due_date", "MUST_BE_FUTURE")]),
            ({"op": "replace", "path": "/title"}, [("op", "UNKNOWN_FIELD"), ("path", "UNKNOWN_FIELD")]),
        ],
    )
    def test_a_violation_leaves_the_task_unchanged(
        self, alice: Caller, body: dict[str, Any], expected: list[tuple[str, str]]
    ) -> None:
        """Pointers begin at the body, which is the task."""
        created = alice.create(**FULL)
        path = created.headers["Location"]
        response = alice.patch(path, json=body)
        assert violated(response) == expected
        assert response.json is not None
        assert response.json["errors"][0]["pointer"] == "#/" + expected[0][0].replace("[", "/").replace("]", "")
        assert alice.get(path).get_data() == created.get_data()

    def test_a_title_of_another_task_is_taken(self, alice: Caller) -> None:
        """409, and no part of the update is stored."""
        alice.task("first")
        second = alice.create("second", **FULL)
        response = alice.patch(second.headers["Location"], json={"title": "first ", "description": "lost"})
        rejected(response, 409, "TASK_TITLE_TAKEN")
        assert alice.get(second.headers["Location"]).get_data() == second.get_data()

    def test_its_own_title_is_not_taken(self, alice: Caller) -> None:
        """Another spelling of the same title."""
        path = path_of(alice.task("caf\u00e9"))
        assert answered(alice.patch(path, json={"title": "cafe\u0301 "}))["title"] == "cafe\u0301 "


class TestMask:
    """``?update_mask=title,tags`` lists the members to set."""

    @pytest.mark.parametrize(
        ("mask", "body", "expected"),
        [
            ("title", {"title": "new", "description": "ignored", "status": "nonsense"}, {"title": "new"}),
            ("description", {"title": "ignored"}, {"description": None}),
            ("tags,due_date", {}, {"tags": [], "due_date": None}),
            ("status,priority", {"priority": None}, {"status": "STATUS_PENDING", "priority": "PRIORITY_MEDIUM"}),
            (" title , tags ,title", {"title": "new", "tags": []}, {"title": "new", "tags": []}),
            ("title", {"title": "new", "created_by": "bob", "name": 1}, {"title": "new"}),
        ],
    )
    def test_members_outside_it_are_ignored_and_absent_ones_cleared(
        self, alice: Caller, mask: str, body: dict[str, Any], expected: dict[str, Any]
    ) -> None:
        """AIP-134."""
        before = alice.task(**FULL)
        after = answered(alice.patch(path_of(before), json=body, query_string={"update_mask": mask}))
        assert changed(before, after) == expected

    @pytest.mark.parametrize(
        "mask",
        [
            "",
            " ",
            ",",
            "title,",
            "colour",
            "name",
            "created_by",
            "create_time",
            "version",
            "*",
            "Title",
            "tags[0]",
            "title.x",
        ],
    )
    def test_an_empty_unknown_or_output_only_path_is_an_error(self, alice: Caller, mask: str) -> None:
        """Nothing is written."""
        before = alice.task(**FULL)
        response = alice.patch(path_of(before), json={"title": "new"}, query_string={"update_mask": mask})
        assert {*violated(response)} == {("update_mask", "INVALID_VALUE")}
        assert answered(alice.get(path_of(before))) == before

    def test_a_required_member_cannot_be_cleared(self, alice: Caller) -> None:
        """REQUIRED_FIELD."""
        path = path_of(alice.task())
        response = alice.patch(path, json={"tags": []}, query_string={"update_mask": "title,tags"})
        assert violated(response) == [("title", "REQUIRED_FIELD")]

    def test_mask_and_body_are_validated_together(self, alice: Caller) -> None:
        """C9a: all violations at once."""
        response = alice.patch(
            path_of(alice.task()),
            json={"title": "", "colour": 1},
            query_string={"update_mask": "colour", "x": "1"},
            headers={"If-Match": "garbage", "Request-Timeout": "soon"},
        )
        assert violated(response) == [
            ("update_mask", "INVALID_VALUE"),
            ("x", "UNKNOWN_PARAMETER"),
            ("If-Match", "INVALID_FORMAT"),
            ("Request-Timeout", "INVALID_VALUE"),
            ("title", "TOO_SHORT"),
            ("colour", "UNKNOWN_FIELD"),
        ]


class TestOverdue:
    """A task whose due date has passed."""

    @pytest.fixture
    def overdue(self, alice: Caller, app: Flask) -> str:
        """Return the path of a task that was due yesterday."""
        path = path_of(alice.task(due_date="2099-01-31T12:00:00Z"))
        with app.app_context(), db.engine.begin() as connection:
            connection.execute(text("UPDATE tasks SET due_date = now() - interval '1 day'"))
        return path

    def test_it_stays_editable(self, alice: Caller, overdue: str) -> None:
        """MUST_BE_FUTURE only if due_date is written."""
        answered(alice.patch(overdue, json={"title": "Late", "status": "STATUS_CANCELLED"}))

    def test_a_response_can_be_sent_back(self, alice: Caller, overdue: str) -> None:
        """An unchanged due date is not written."""
        before = answered(alice.get(overdue))
        after = answered(alice.patch(overdue, json=before))
        assert after["due_date"] == before["due_date"]
        answered(alice.patch(overdue, json={"due_date": before["due_date"]}, query_string={"update_mask": "due_date"}))

    def test_other_past_dates_are_rejected(self, alice: Caller, overdue: str) -> None:
        """MUST_BE_FUTURE, together with all other violations of the updated task."""
        response = alice.patch(overdue, json={"due_date": "2001-01-01T00:00:00Z", "status": "STATUS_COMPLETED"})
        assert violated(response) == [("status", "OVERDUE_COMPLETION"), ("due_date", "MUST_BE_FUTURE")]
        assert [each["pointer"] for each in answered(response, 400)["errors"]] == ["#/status", "#/due_date"]

    def test_it_cannot_be_completed(self, alice: Caller, overdue: str) -> None:
        """OVERDUE_COMPLETION, and no part of the update is stored."""
        response = alice.patch(overdue, json={"title": "Late", "status": "STATUS_COMPLETED"})
        assert violated(response) == [("status", "OVERDUE_COMPLETION")]
        assert answered(alice.get(overdue))["title"] == "Buy milk"

    @pytest.mark.parametrize("due_date", [None, "2099-01-31T12:00:00Z"])
    def test_it_can_be_completed_with_another_due_date(self, alice: Caller, overdue: str, due_date: str | None) -> None:
        """The rule applies to the updated task."""
        answered(alice.patch(overdue, json={"due_date": due_date, "status": "STATUS_COMPLETED"}))

    def test_a_completed_task_stays_editable(self, alice: Caller, app: Flask) -> None:
        """The rule applies only to the transition."""
        path = path_of(alice.task(due_date="2099-01-31T12:00:00Z", status="STATUS_COMPLETED"))
        with app.app_context(), db.engine.begin() as connection:
            connection.execute(text("UPDATE tasks SET due_date = now() - interval '1 day'"))
        answered(alice.patch(path, json={"title": "Late", "status": "STATUS_COMPLETED"}))


class TestRepeatedParameters:
    """A parameter given more than once is one violation, and is ignored in other rules."""

    def test_a_repeated_mask_has_no_effect(self, alice: Caller) -> None:
        """No REQUIRED_FIELD for members that only one of the masks names."""
        response = alice.patch(
            path_of(alice.task()), json={"tags": []}, query_string="update_mask=title&update_mask=tags&update_mask=x"
        )
        assert violated(response) == [("update_mask", "INVALID_VALUE")]


class TestConcurrency:
    """C20: two concurrent PATCHes never lose an update."""

    def test_fifty_concurrent_updates_lose_nothing(self, alice: Caller, app: Flask) -> None:
        """Each sets its own member or the same one; every update counts as a version."""
        created = alice.create()
        path = created.headers["Location"]
        bodies: list[dict[str, Any]] = [
            {"description": "d"},
            {"priority": "PRIORITY_HIGH"},
            {"status": "STATUS_IN_PROGRESS"},
            {"tags": ["t"]},
            {"due_date": "2099-01-31T12:00:00Z"},
        ]

        def patch(n: int) -> int:
            caller = Caller(app.test_client(), alice.credentials)
            return caller.patch(path, json=bodies[n % len(bodies)]).status_code

        assert at_once(50, patch) == [200] * 50
        found = alice.get(path)
        assert {name: value for body in bodies for name, value in body.items()}.items() <= answered(found).items()
        assert found.headers["ETag"].startswith(f'"{51:x}-')

    def test_each_response_contains_its_own_update(self, alice: Caller, app: Flask) -> None:
        """C20: the body and the tag of one version, whatever other requests do meanwhile."""
        path = path_of(alice.task())

        def patch(n: int) -> tuple[bool, str]:
            response = Caller(app.test_client(), alice.credentials).patch(path, json={"title": str(n)})
            return answered(response)["title"] == str(n), response.headers["ETag"]

        responses = at_once(50, patch)
        assert all(is_its_own for is_its_own, _ in responses)
        assert len({tag for _, tag in responses}) == 50

    def test_of_concurrent_updates_of_one_version_one_succeeds(self, alice: Caller, app: Flask) -> None:
        """The others get 412."""
        created = alice.create()

        def patch(n: int) -> int:
            caller = Caller(app.test_client(), alice.credentials)
            headers = {"If-Match": created.headers["ETag"]}
            return caller.patch(created.headers["Location"], json={"title": str(n)}, headers=headers).status_code

        assert sorted(at_once(50, patch)) == [200] + [412] * 49

    def test_concurrent_deletion_and_update_end_with_200_or_404(
        self, client: FlaskClient, alice: Caller, app: Flask
    ) -> None:
        path = path_of(alice.task())

        def touch(n: int) -> int:
            caller = Caller(app.test_client(), alice.credentials)
            return (caller.delete(path) if n % 5 == 4 else caller.patch(path, json={"title": str(n)})).status_code

        assert {*at_once(25, touch)} <= {200, 404}
        rejected(alice.get(path), 404, "TASK_NOT_FOUND")
