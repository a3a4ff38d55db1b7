"""A resource with a table of transitions."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

from werkzeug.test import TestResponse

from tests.api.caller import Caller, answered, rejected
from tests.resources.api import ResourceTests
from tests.resources.subject import Subject


class TransitionTests(ResourceTests):
    """The tests of a resource with a table of transitions."""

    def test_each_state_allows_its_transitions_only(
        self, caller: Caller, subject: Subject, body: Callable[[int], dict[str, Any]]
    ) -> None:
        """Each transition from each state that can be reached: it succeeds, or is a 409 that changes nothing."""
        state, methods = subject.state, subject.transitions
        ways = subject.ways()
        for number, (before, way) in enumerate(ways.items()):
            for at, (name, transition) in enumerate(methods.items()):
                made = answered(caller.post(subject.path, json=body(number * len(methods) + at)), 201)
                path = f"{subject.path}/{made['id']}"
                for step in way:
                    made = answered(caller.post(f"{path}:{step}"))
                assert made[state] == subject.state_name(before)
                response = caller.post(f"{path}:{name}")
                if before in transition.sources:
                    assert answered(response) == {
                        **made,
                        state: subject.state_name(transition.target),
                        "update_time": answered(response)["update_time"],
                    }
                else:
                    problem = rejected(response, 409, transition.error.code)
                    assert problem["status"] == 409
                    assert answered(caller.get(path)) == made
                rejected(caller.post(f"{path}:{name}", headers={"If-Match": '"x"'}), 412, "PRECONDITION_FAILED")

    def test_a_transition_of_an_unknown_one_is_not_found(self, caller: Caller, subject: Subject) -> None:
        for name in subject.transitions:
            rejected(caller.post(f"{subject.path}/{uuid4()}:{name}"), 404, subject.absent)

    def test_each_transition_requires_the_scope(
        self, alice: Caller, unauthenticated: Caller, subject: Subject, created: TestResponse
    ) -> None:
        for name in subject.transitions:
            path = f"{created.headers['Location']}:{name}"
            assert (unauthenticated.post(path).status_code, alice.post(path).status_code) == (401, 403)
