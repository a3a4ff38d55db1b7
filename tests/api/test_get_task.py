"""GET /v1/tasks/{id}: whole tasks and projections."""

import pytest

from tests.api.caller import ABSENT, TASKS, Caller, answered, path_of, rejected, violated


class TestGet:
    """A task of the caller."""

    def test_ok(self, alice: Caller) -> None:
        """C14: the created task, without an envelope."""
        task = alice.task(tags=["home"])
        assert answered(alice.get(path_of(task))) == task

    def test_uppercase_letters_in_the_id_make_no_difference(self, alice: Caller) -> None:
        """RFC 9562, section 4: the case of hexadecimal digits does not matter."""
        task = alice.task()
        identity = task["name"].removeprefix("tasks/")
        assert answered(alice.get(f"{TASKS}/{identity.upper()}")) == task

    @pytest.mark.parametrize(
        "identity",
        [
            "8c1b2c1e-6f4e-4d4c-9d6e-0d9b6a1f2a33",
            "00000000-0000-0000-0000-000000000000",
            "ffffffff-ffff-ffff-ffff-ffffffffffff",
            "8c1b2c1e6f4e4d4c9d6e0d9b6a1f2a33",
            "{8c1b2c1e-6f4e-4d4c-9d6e-0d9b6a1f2a33}",
            "urn-uuid-8c1b2c1e-6f4e-4d4c-9d6e-0d9b6a1f2a33",
            "8c1b2c1e-6f4e-4d4c-9d6e-0d9b6a1f2a33%00",
            "8c1b2c1e-6f4e-4d4c-9d6e-0d9b6a1f2a33%0a",
            "８c1b2c1e-6f4e-4d4c-9d6e-0d9b6a1f2a33",
            "1",
            "null",
            "%00",
            "%ff",
            "'%20OR%201=1--",
            "a" * 3000,
            ";x=1",
        ],
    )
    @pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
    def test_an_invalid_id_is_not_found(self, alice: Caller, method: str, identity: str) -> None:
        """A path id that is not a UUID is 404 TASK_NOT_FOUND, on every method."""
        response = alice.send(method, f"{TASKS}/{identity}", json={} if method == "PATCH" else None)
        rejected(response, 404, "TASK_NOT_FOUND")

    def test_another_user_s_task_is_403_except_for_admins(self, alice: Caller, bob: Caller, admin: Caller) -> None:
        """C8: it exists and belongs to another user."""
        path = path_of(alice.task())
        response = bob.get(path)
        assert (response.status_code, response.headers.get("WWW-Authenticate")) == (403, None)
        assert answered(admin.get(path))["created_by"] == "alice"

    def test_a_deleted_task_is_gone_immediately(self, alice: Caller) -> None:
        path = path_of(alice.task())
        answered(alice.delete(path))
        for method in ("GET", "PATCH", "DELETE"):
            rejected(alice.send(method, path, json={} if method == "PATCH" else None), 404, "TASK_NOT_FOUND")
        assert alice.titles() == []


class TestFields:
    """C19: projection."""

    @pytest.mark.parametrize(
        ("fields", "members"),
        [
            ("title", ["title"]),
            ("title,name", ["name", "title"]),
            ("tags, name ,title,title", ["name", "title", "tags"]),
        ],
    )
    def test_only_the_requested_members_are_returned(self, alice: Caller, fields: str, members: list[str]) -> None:
        """C19: in the order of the resource, each once."""
        task = alice.task()
        found = answered(alice.get(path_of(task), query_string={"fields": fields}))
        assert found == {name: task[name] for name in members}
        assert list(found) == members
        page = answered(alice.list_tasks(fields=fields))
        assert page["tasks"] == [found]
        assert page["total_size"] == 1

    @pytest.mark.parametrize(
        "fields",
        [
            "",
            " ",
            ",",
            "title,",
            "colour",
            "Title",
            "version",
            "id",
            "password_hash",
            "created_by.email",
            "*",
            "title;name",
        ],
    )
    def test_an_unknown_member_is_a_violation_that_lists_the_allowed_ones(self, alice: Caller, fields: str) -> None:
        """C19: and reveals no other names."""
        for response in (alice.get(ABSENT, query_string={"fields": fields}), alice.list_tasks(fields=fields)):
            assert {*violated(response)} == {("fields", "INVALID_VALUE")}
            assert response.json is not None
            assert all(each["parameter"] == "fields" for each in response.json["errors"])
            assert "name, title, description" in response.json["errors"][0]["message"]

    @pytest.mark.parametrize("query", ["colour=1", "Fields=title", "filter=x", "=", "&&=1", "_schema=1", "page_size=1"])
    def test_another_parameter_is_a_violation(self, alice: Caller, query: str) -> None:
        """C18: UNKNOWN_PARAMETER."""
        name = query.strip("&").partition("=")[0]
        assert violated(alice.get(f"{ABSENT}?{query}")) == [(name, "UNKNOWN_PARAMETER")]

    @pytest.mark.parametrize(
        ("query", "violation"),
        [
            ("fields=title&fields=name", ("fields", "INVALID_VALUE")),
            ("fields=%00", ("fields", "INVALID_FORMAT")),
            ("fields=%ff", ("fields", "INVALID_FORMAT")),
            ("%ff=1", ("query", "INVALID_FORMAT")),
            ("fields=title%0a", ("fields", "INVALID_FORMAT")),
            ("fields=%ed%a0%80", ("fields", "INVALID_FORMAT")),
        ],
    )
    def test_a_parameter_is_utf_8_given_once(self, alice: Caller, query: str, violation: tuple[str, str]) -> None:
        assert violated(alice.get(f"{ABSENT}?{query}")) == [violation]
