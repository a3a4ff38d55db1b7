"""A resource whose lists are nested under a parent."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

from flask import Flask
from werkzeug.test import TestResponse

from app.extensions import db
from tests.api.caller import Caller, answered, rejected
from tests.resources.api import OTHER, USER, ResourceTests
from tests.resources.subject import Subject
from tests.rows import PARENT, store_parent


class NestedTests(ResourceTests):
    """The tests of a resource whose paths begin with its parent."""

    def test_a_missing_parent_is_not_found(self, caller: Caller, subject: Subject, created: TestResponse) -> None:
        """Each operation ends with the error of the parent."""
        one = subject.parent.removesuffix("_id").upper()
        for method, path, body in operations(subject, created):
            response = caller.send(method, moved(path, uuid4()), json=body, headers={"If-Match": "*"})
            rejected(response, 404, f"{one}_NOT_FOUND")

    def test_the_parent_of_another_user_is_denied(
        self, app: Flask, other: Caller, admin: Caller, caller: Caller, subject: Subject, created: TestResponse
    ) -> None:
        """Each operation, if parents belong to users: the owner of the parent and admins use its children."""
        if not subject.has_owned_parent:
            assert answered(other.get(subject.path))["total_size"] == (0 if subject.model.owner else 1)
            return
        with app.app_context(), db.engine.begin() as connection:
            elsewhere = uuid4()
            store_parent(connection, subject.table, subject.parent, owner=OTHER, key=str(elsewhere))
        for method, path, body in operations(subject, created):
            for by, where in ((other, path), (caller, moved(path, elsewhere))):
                response = by.send(method, where, json=body, headers={"If-Match": "*"})
                assert (response.status_code, response.get_data()) == (403, b""), (method, where)
        assert answered(admin.get(subject.path))["total_size"] == 1

    def test_another_parent_does_not_have_it(
        self, app: Flask, caller: Caller, subject: Subject, created: TestResponse
    ) -> None:
        """In its list, and in each operation on the item."""
        second = uuid4()
        with app.app_context(), db.engine.begin() as connection:
            store_parent(connection, subject.table, subject.parent, owner=USER, key=str(second))
        assert answered(caller.get(moved(subject.path, second)))[subject.name] == []
        for method, path, body in operations(subject, created):
            if path != subject.path:
                response = caller.send(method, moved(path, second), json=body, headers={"If-Match": "*"})
                rejected(response, 404, subject.absent)
        assert answered(caller.get(created.headers["Location"])) == answered(created, 201)

    def test_a_page_token_is_bound_to_the_parent(
        self, app: Flask, caller: Caller, subject: Subject, created: TestResponse, body: Any
    ) -> None:
        """C17: a token of one parent is not valid for another one."""
        answered(caller.post(subject.path, json=body(1)), 201)
        token = answered(caller.get(f"{subject.path}?page_size=1"))["next_page_token"]
        assert len(answered(caller.get(f"{subject.path}?page_token={token}"))[subject.name]) == 1
        second = uuid4()
        with app.app_context(), db.engine.begin() as connection:
            store_parent(connection, subject.table, subject.parent, owner=USER, key=str(second))
        rejected(caller.get(f"{moved(subject.path, second)}?page_token={token}"), 400, "INVALID_PAGE_TOKEN")


def operations(subject: Subject, created: TestResponse) -> Iterator[tuple[str, str, Any]]:
    """Yield the method, the path and the body of each operation."""
    path, body = created.headers["Location"], subject.body_of(answered(created, 201))
    yield from (("GET", subject.path, None), ("POST", subject.path, body), ("GET", path, None), ("PUT", path, body))
    yield from (("POST", f"{path}:{name}", None) for name in subject.transitions)
    yield ("DELETE", path, None)


def moved(path: str, parent: UUID) -> str:
    """Return a path under another parent."""
    return path.replace(PARENT, str(parent))
