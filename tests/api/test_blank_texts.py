"""Invisible texts are not valid names or titles. ``tests/law/test_blank_texts.py`` covers all schemas."""

from typing import Final

import pytest

from tests.api.caller import Caller, violated
from tests.samples import BODIES, path_of
from tests.unit.models.test_invisible_characters import INVISIBLE

TITLED: Final = {
    "POST /v1/tasks": ("task", "title"),
    "PATCH /v1/tasks/<id:task_id>": ("title",),
    "POST /v1/movies": ("title",),
    "POST /v1/users": ("name",),
    "PATCH /v1/users/me": ("name",),
}


@pytest.mark.parametrize("what", [each for each in INVISIBLE if each != "nothing"])
@pytest.mark.parametrize("operation", TITLED)
def test_an_invisible_text_is_rejected(admin: Caller, operation: str, what: str) -> None:
    method, path = operation.split(maxsplit=1)[0], path_of(operation)
    *outer, member = TITLED[operation]
    body = {**BODIES[operation][outer[0]]} if outer else {**BODIES[operation]}
    body[member] = INVISIBLE[what]
    response = admin.send(method, path, json={outer[0]: body} if outer else body)
    assert violated(response) == [(member, "TOO_SHORT")]
