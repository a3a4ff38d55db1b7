"""Use cases of preferences, on fakes."""

from uuid import uuid4

import pytest

from app.errs.users import NotThisUser
from app.models.precondition import NO_PRECONDITION
from app.models.preferences import NewPreferences
from app.request_context import Principal
from app.services.preferences import PreferencesService


def refused(*_: object) -> object:
    raise AssertionError("the database was used")


class TestAnotherUser:
    """Their preferences are rejected before anything is read."""

    def service(self) -> PreferencesService:
        return PreferencesService(reads=None, unit_of_work=refused)  # type: ignore[arg-type]  # neither is used

    def test_get(self, alice: Principal) -> None:
        with pytest.raises(NotThisUser):
            self.service().get(uuid4(), by=alice)

    def test_replace(self, alice: Principal) -> None:
        new = NewPreferences(locale="en", time_zone="UTC", theme="dark")
        with pytest.raises(NotThisUser):
            self.service().replace(uuid4(), new, by=alice, precondition=NO_PRECONDITION)
