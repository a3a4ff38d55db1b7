"""A resource whose rows belong to users."""

from werkzeug.test import TestResponse

from tests.api.caller import Caller, answered
from tests.resources.api import ResourceTests
from tests.resources.subject import Subject


class OwnedTests(ResourceTests):
    """The tests of a resource whose rows belong to users."""

    def test_another_user_cannot_use_it(
        self, other: Caller, admin: Caller, subject: Subject, created: TestResponse
    ) -> None:
        """Each operation with the token of another user; an admin can."""
        path, sent, methods = (
            created.headers["Location"],
            subject.body_of(answered(created, 201)),
            [*subject.transitions],
        )
        for method, where, json in (
            *(("GET", path, None), ("PUT", path, sent), ("DELETE", path, None)),
            *(("POST", f"{path}:{name}", None) for name in methods),
        ):
            response = other.send(method, where, json=json, headers={"If-Match": "*"})
            assert (response.status_code, response.get_data()) == (403, b""), (method, where)
            assert "WWW-Authenticate" not in response.headers
        if subject.has_owned_parent:
            assert other.get(subject.path).status_code == 403
        else:
            assert answered(other.get(subject.path))[subject.name] == []
        assert answered(admin.get(path)) == answered(created, 201)
        assert answered(admin.get(subject.path))[subject.name] == [answered(created, 201)]
