"""The statements of each request; an additional one is a decision, not an accident."""

from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.api.accounts import an_address, join
from tests.api.caller import Caller

Headers = Callable[..., dict[str, str]]


@pytest.fixture
def path(client: FlaskClient, bearer: Headers, statements: list[str]) -> str:
    """Return the path of a task of alice; the statements of its creation are discarded."""
    created = client.post("/v1/tasks", json={"task": {"title": "Buy milk"}}, headers=bearer())
    statements.clear()
    return created.headers["Location"]


def words(statements: list[str]) -> list[str]:
    """Return the first word of each statement."""
    return [statement.split()[0] for statement in statements]


class TestReads:
    def test_one_task_is_one_statement_in_autocommit(
        self, client: FlaskClient, bearer: Headers, path: str, statements: list[str]
    ) -> None:
        assert client.get(path, headers=bearer()).status_code == 200
        assert words(statements) == ["SELECT"]

    def test_a_page_that_holds_all_is_one_statement(
        self, client: FlaskClient, bearer: Headers, path: str, statements: list[str]
    ) -> None:
        assert client.get("/v1/tasks", headers=bearer()).json == {
            "tasks": [client.get(path, headers=bearer()).json],
            "next_page_token": None,
            "total_size": 1,
        }
        assert words(statements) == ["SELECT", "SELECT"]

    def test_the_first_page_of_more_is_counted_and_the_others_are_one_statement(
        self, client: FlaskClient, bearer: Headers, path: str, statements: list[str]
    ) -> None:
        body = {"requests": [{"task": {"title": str(number)}} for number in range(3)]}
        client.post("/v1/tasks:batchCreate", json=body, headers=bearer())
        statements.clear()
        first = client.get("/v1/tasks?page_size=2", headers=bearer()).json
        assert words(statements) == ["SELECT", "SELECT"]
        assert first is not None
        statements.clear()
        query = {"page_size": 2, "page_token": first["next_page_token"]}
        assert client.get("/v1/tasks", query_string=query, headers=bearer()).status_code == 200
        assert words(statements) == ["SELECT"]

    @pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer nonsense"}])
    def test_a_request_without_a_token_costs_nothing(
        self, client: FlaskClient, path: str, statements: list[str], headers: dict[str, str]
    ) -> None:
        """C9."""
        client.get(path, headers=headers)
        client.get("/v1/no-such-route")
        client.get("/healthz")
        assert statements == []


class TestPreferences:
    def test_they_are_one_statement_set_or_not(
        self, client: FlaskClient, app: Flask, bearer: Headers, statements: list[str]
    ) -> None:
        user = join(Caller(client, {}), app, an_address())
        me, path = bearer(user["id"]), f"/v1/users/{user['id']}/preferences"
        for verb, theme in (("INSERT", "dark"), ("UPDATE", "light")):
            statements.clear()
            assert client.get(path, headers=me).status_code == 200
            assert words(statements) == ["SELECT"]
            statements.clear()
            body = {"locale": "en", "time_zone": "UTC", "theme": theme}
            assert client.put(path, json=body, headers={**me, "If-Match": "*"}).status_code == 200
            assert words(statements) == ["SELECT", "SELECT", verb, "COMMIT"]


class TestProfiles:
    def test_they_are_one_statement_for_each_of_two_dependencies(
        self, client: FlaskClient, app: Flask, bearer: Headers, statements: list[str]
    ) -> None:
        user = join(Caller(client, {}), app, an_address())
        statements.clear()
        assert client.get(f"/v1/users/{user['id']}/profile", headers=bearer(user["id"])).status_code == 200
        assert words(statements) == ["SELECT", "SELECT"]


class TestWrites:
    def test_a_creation_is_one_insert_and_a_commit(
        self, client: FlaskClient, bearer: Headers, path: str, statements: list[str]
    ) -> None:
        assert client.post("/v1/tasks", json={"task": {"title": "2"}}, headers=bearer()).status_code == 201
        assert words(statements) == ["INSERT", "COMMIT"]

    def test_a_batch_is_one_insert_and_a_commit(
        self, client: FlaskClient, bearer: Headers, path: str, statements: list[str]
    ) -> None:
        body = {"requests": [{"task": {"title": str(number)}} for number in range(100)]}
        assert client.post("/v1/tasks:batchCreate", json=body, headers=bearer()).status_code == 200
        assert words(statements) == ["INSERT", "COMMIT"]

    def test_with_a_key_it_is_a_lock_a_look_the_answer_and_a_little_cleaning_more(
        self, client: FlaskClient, bearer: Headers, path: str, statements: list[str]
    ) -> None:
        request = {"json": {"task": {"title": "2"}}, "headers": {**bearer(), "Idempotency-Key": "key"}}
        assert client.post("/v1/tasks", **request).status_code == 201
        assert words(statements) == ["SELECT", "SELECT", "INSERT", "INSERT", "DELETE", "COMMIT"]
        statements.clear()
        assert client.post("/v1/tasks", **request).headers["Idempotent-Replayed"] == "true"
        assert words(statements) == ["SELECT", "SELECT", "ROLLBACK"]

    def test_a_change_is_a_look_an_update_and_a_commit(
        self, client: FlaskClient, bearer: Headers, path: str, statements: list[str]
    ) -> None:
        assert client.patch(path, json={"title": "New"}, headers=bearer()).status_code == 200
        assert words(statements) == ["SELECT", "UPDATE", "COMMIT"]
        assert statements[0].endswith("FOR UPDATE")

    def test_a_deletion_is_a_look_a_delete_and_a_commit(
        self, client: FlaskClient, bearer: Headers, path: str, statements: list[str]
    ) -> None:
        assert client.delete(path, headers=bearer()).status_code == 200
        assert words(statements) == ["SELECT", "DELETE", "COMMIT"]
