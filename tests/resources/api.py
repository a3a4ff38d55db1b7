"""Every resource over HTTP: input, permissions, lists, and each error that an operation declares."""

from collections.abc import Callable, Iterator
from typing import Any, ClassVar, Final
from uuid import UUID, uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from app.extensions import db
from app.models.users import DELETED_USER_ID
from tests.api.caller import Caller, answered, rejected, violated
from tests.resources.subject import Subject, in_order, literal
from tests.rows import store_parent
from tests.samples import prepared

USER: Final = str(UUID(int=2**70))
OTHER: Final = str(UUID(int=2**71))
ROWS: Final = 5


class ResourceTests:
    """The tests of a resource. ``name`` is the plural of its name, which is also its scope."""

    name: ClassVar[str]

    @pytest.fixture
    def subject(self) -> Subject:
        """Return the resource."""
        return Subject(self.name)

    @pytest.fixture
    def caller(self, client: FlaskClient, bearer: Callable[..., dict[str, str]]) -> Caller:
        """Return a caller with the scope."""
        return Caller(client, bearer(USER, self.name))

    @pytest.fixture
    def other(self, client: FlaskClient, bearer: Callable[..., dict[str, str]]) -> Caller:
        """Return another user with the scope."""
        return Caller(client, bearer(OTHER, self.name))

    @pytest.fixture
    def body(self, app: Flask, subject: Subject) -> Callable[[int], dict[str, Any]]:
        """Return a maker of valid bodies. The rows to which they refer are stored."""
        return lambda number: {**subject.varied(number), **prepared(app, f"POST {subject.route}")}

    @pytest.fixture(autouse=True)
    def parent(self, app: Flask, client: FlaskClient, subject: Subject) -> None:
        """Store the parent, which belongs to the caller, if the resource is nested."""
        if subject.parent:
            with app.app_context(), db.engine.begin() as connection:
                store_parent(connection, subject.table, subject.parent, owner=USER)

    @pytest.fixture
    def created(self, caller: Caller, subject: Subject, body: Callable[[int], dict[str, Any]]) -> TestResponse:
        """Return the response to a creation."""
        response = caller.post(subject.path, json=body(0))
        answered(response, 201)
        return response

    def test_a_created_one_can_be_read(self, caller: Caller, subject: Subject, created: TestResponse) -> None:
        """C14, C15, C20."""
        made, path = answered(created, 201), created.headers["Location"]
        assert {name: made[name] for name in subject.sample if name not in subject.references} == {
            name: value for name, value in subject.sample.items() if name not in subject.references
        }
        assert (made[subject.owner], path) == (USER, f"{subject.path}/{made['id']}")
        found = caller.get(path)
        assert (answered(found), found.headers["ETag"]) == (made, created.headers["ETag"])

    def test_output_only_properties_are_ignored(self, caller: Caller, subject: Subject, created: TestResponse) -> None:
        made, path = answered(created, 201), created.headers["Location"]
        sent = {**made, "id": str(uuid4()), subject.owner: "root", "create_time": 5, "update_time": [None]}
        replaced = answered(caller.put(path, json=sent, headers={"If-Match": "*"}))
        assert replaced == {**made, "update_time": replaced["update_time"]}

    def test_an_idempotency_key_creates_once(
        self, caller: Caller, subject: Subject, body: Callable[[int], dict[str, Any]]
    ) -> None:
        """C21."""
        sent, key = body(0), {"Idempotency-Key": "one"}
        first, again = (caller.post(subject.path, json=sent, headers=key) for _ in range(2))
        assert (first.status_code, again.get_data()) == (201, first.get_data())
        assert answered(caller.get(subject.path))["total_size"] == 1

    def test_every_write_rejects_invalid_input(self, caller: Caller, subject: Subject, created: TestResponse) -> None:
        """C1: each rule of each property, and nothing is written."""
        path, valid = created.headers["Location"], subject.body_of(answered(created, 201))
        cases = [*subject.invalid(valid)]
        assert len(cases) > 1
        for body, expected in cases:
            assert violated(caller.post(subject.path, json=body)) == [expected]
            assert violated(caller.put(path, json=body, headers={"If-Match": "*"})) == [expected]
        assert caller.get(path).get_data() == created.get_data()
        assert answered(caller.get(subject.path))["total_size"] == 1

    def test_an_unknown_reference_is_rejected(self, caller: Caller, subject: Subject, created: TestResponse) -> None:
        """Of each foreign key."""
        path, valid = created.headers["Location"], subject.body_of(answered(created, 201))
        for name in subject.references:
            sent = {**valid, name: str(uuid4())}
            assert violated(caller.put(path, json=sent, headers={"If-Match": "*"})) == [(name, "BROKEN_LINK")]
            fresh = {**sent, **{each: subject.varied(1)[each] for each in subject.unique_members}}
            assert violated(caller.post(subject.path, json=fresh)) == [(name, "BROKEN_LINK")]
        assert caller.get(path).get_data() == created.get_data()

    def test_a_duplicate_is_rejected(
        self, caller: Caller, other: Caller, subject: Subject, created: TestResponse, body: Callable[[int], Any]
    ) -> None:
        """By each unique index, with the error that it names."""
        made = answered(created, 201)
        for at, (columns, code) in enumerate(subject.unique_indexes()):
            first, foreign, last = (3 * at + number for number in (1, 2, 3))
            same = {name: made[name] for name in columns if name in subject.writable}
            rejected(caller.post(subject.path, json={**body(first), **same}), 409, code)
            if subject.owner in columns and not subject.parent:
                answered(other.post(subject.path, json={**body(foreign), **same}), 201)
            second = answered(caller.post(subject.path, json=body(last)), 201)
            path = f"{subject.path}/{second['id']}"
            stolen = {**subject.body_of(second), **same}
            rejected(caller.put(path, json=stolen, headers={"If-Match": "*"}), 409, code)
            assert answered(caller.get(path)) == second

    def test_a_partial_response_has_its_own_etag(self, caller: Caller, subject: Subject, created: TestResponse) -> None:
        """C19, C20."""
        path, tag, made = created.headers["Location"], created.headers["ETag"], answered(created, 201)
        part = caller.get(f"{path}?fields=update_time")
        assert (answered(part), part.headers["ETag"] == tag) == ({"update_time": made["update_time"]}, False)
        assert caller.get(path, headers={"If-None-Match": tag}).status_code == 304
        rejected(caller.get(path, headers={"If-Match": '"x"'}), 412, "PRECONDITION_FAILED")

    def test_a_list_is_ordered_and_has_pages(
        self, caller: Caller, subject: Subject, body: Callable[[int], dict[str, Any]]
    ) -> None:
        """C17, C18: by each property with an index, in both directions, page by page."""
        rows = [answered(caller.post(subject.path, json=body(number)), 201) for number in (2, 0, 3, 1, 4)]
        optional = {name: None for name, field in subject.writable.items() if field.allow_none}
        answered(
            caller.put(
                f"{subject.path}/{rows[1]['id']}",
                json={**subject.body_of(rows[1]), **optional},
                headers={"If-Match": "*"},
            )
        )
        rows = answered(caller.get(subject.path))[subject.name]
        readable = subject.readable
        for member in subject.rules.orderable:
            for down in (False, True):
                order = f"{member} desc" if down else member
                found = [each[member] for page in pages(caller, subject, order) for each in page[subject.name]]
                assert found == in_order(rows, member, readable[member], down=down), order
        page = answered(caller.get(f"{subject.path}?page_size=2"))
        rejected(
            caller.get(f"{subject.path}?order_by=create_time&page_token={page['next_page_token']}"),
            400,
            "INVALID_PAGE_TOKEN",
        )
        rejected(caller.get(f"{subject.path}?order_by=version"), 400, "INVALID_ORDER_BY")

    def test_a_list_is_filtered(self, caller: Caller, subject: Subject, body: Callable[[int], dict[str, Any]]) -> None:
        """C18: by each property, with each operator."""
        rows = [answered(caller.post(subject.path, json=body(number)), 201) for number in range(3)]
        for member, rule in subject.rules.filterable.items():
            value = rows[1][member]
            equal = {each["id"] for each in rows if each[member] == value}
            for operator in rule.operators:
                text = f"{member} {operator} {literal(value)}"
                found = {
                    each["id"]
                    for each in answered(caller.get(subject.path, query_string={"filter": text}))[subject.name]
                }
                if operator in ("=", "<=", ">="):
                    assert equal <= found, text
                else:
                    assert not equal & found, text
                if operator in ("=", "!="):
                    assert found == (equal if operator == "=" else {each["id"] for each in rows} - equal), text
        rejected(caller.get(f"{subject.path}?filter=version = 1"), 400, "INVALID_FILTER")

    def test_it_is_replaced(
        self, caller: Caller, subject: Subject, created: TestResponse, body: Callable[[int], dict[str, Any]]
    ) -> None:
        """C20: a second update with the same ETag is stale; an absent optional property becomes null."""
        path, tag, sent = created.headers["Location"], created.headers["ETag"], body(1)
        response = caller.put(path, json=sent, headers={"If-Match": tag})
        found = answered(response)
        assert subject.body_of(found) == sent
        assert caller.get(path).headers["ETag"] == response.headers["ETag"] != tag
        rejected(caller.put(path, json=sent, headers={"If-Match": tag}), 412, "PRECONDITION_FAILED")
        rejected(caller.put(path, json=sent), 428, "PRECONDITION_REQUIRED")
        required = {name: sent[name] for name, field in subject.writable.items() if field.required}
        least = answered(caller.put(path, json=required, headers={"If-Match": "*"}))
        assert subject.body_of(least) == {**dict.fromkeys(sent), **required}

    def test_a_deleted_one_is_not_found(self, caller: Caller, subject: Subject, created: TestResponse) -> None:
        path, sent, code = created.headers["Location"], subject.body_of(answered(created, 201)), subject.absent
        rejected(caller.delete(path, headers={"If-Match": '"x"'}), 412, "PRECONDITION_FAILED")
        assert answered(caller.delete(path)) == {"id": path[-36:], "deleted": True}
        for method, json in (("GET", None), ("PUT", sent), ("DELETE", None)):
            rejected(caller.send(method, path, json=json, headers={"If-Match": "*"}), 404, code)
        assert answered(caller.get(subject.path))["total_size"] == 0

    def test_every_operation_requires_the_scope(
        self, alice: Caller, unauthenticated: Caller, subject: Subject, created: TestResponse
    ) -> None:
        """C6, C8."""
        path, sent = created.headers["Location"], subject.body_of(answered(created, 201))
        operations = (("GET", path), ("GET", subject.path), ("POST", subject.path), ("PUT", path), ("DELETE", path))
        for method, where in operations:
            assert unauthenticated.send(method, where, json=sent).status_code == 401
            response = alice.send(method, where, json=sent)
            assert (response.status_code, response.get_data()) == (403, b"")
            assert f'scope="{self.name}"' in response.headers["WWW-Authenticate"]

    def test_an_erased_user_is_in_no_row(self, app: Flask, subject: Subject, created: TestResponse) -> None:
        """Rows of a user are deleted, and others are kept without the user, unless their parents are deleted."""
        assert created.status_code == 201
        with app.app_context():
            erase_user(app, UUID(USER))
            with db.engine.connect() as connection:
                owners = [*connection.scalars(select(subject.table.c[subject.owner]))]
                has_parent = not subject.parent or bool([*connection.scalars(select(subject.parent_table.c.id))])
        is_kept = has_parent and not subject.model.owner
        assert owners == ([str(DELETED_USER_ID)] if is_kept else [])


def pages(caller: Caller, subject: Subject, order: str) -> Iterator[dict[str, Any]]:
    """Yield the pages of a list, with two items each."""
    token: str | None = ""
    while token is not None:
        query = {"order_by": order, "page_size": 2, "page_token": token}
        page = answered(caller.get(subject.path, query_string=query))
        yield page
        token = page["next_page_token"]


def erase_user(app: Flask, user_id: UUID) -> None:
    """Erase a user as the deletion of an account does."""
    with app.extensions["app-services"].deletion._unit_of_work() as unit:
        while unit.erasure.erase(user_id, email=None, most=1000):
            pass
        unit.commit()
