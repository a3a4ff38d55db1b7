"""``/v1/users/{id}/preferences``: users access their own, admins those of any user."""

import zoneinfo
from collections import Counter
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text
from werkzeug.test import TestResponse

from app.extensions import db
from app.models import preferences
from tests.api.accounts import PASSWORD, an_address, join, logged_in
from tests.api.caller import Caller, answered, at_once, rejected, violated
from tests.api.conftest import Bearer

pytestmark = pytest.mark.slow

ABSENT = "/v1/users/8c1b2c1e-6f4e-4d4c-9d6e-0d9b6a1f2a33/preferences"
DEFAULTS = {"locale": "en", "time_zone": "UTC", "theme": "system"}
SWISS = {"locale": "de-CH", "time_zone": "Europe/Zurich", "theme": "dark"}


@pytest.fixture
def user(unauthenticated: Caller, app: Flask) -> dict[str, Any]:
    """Return a user with an account."""
    return join(unauthenticated, app, an_address())


@pytest.fixture
def me(client: FlaskClient, bearer: Bearer, user: dict[str, Any]) -> Caller:
    """Return the same user with a token."""
    return Caller(client, bearer(user["id"], ""))


@pytest.fixture
def path(user: dict[str, Any]) -> str:
    """Return the path of the user's preferences."""
    return f"/v1/users/{user['id']}/preferences"


def put(caller: Caller, path: str, body: Any = SWISS, tag: str = "*") -> TestResponse:
    """Replace preferences."""
    return caller.send("PUT", path, json=body, headers={"If-Match": tag})


class TestGet:
    def test_ok(self, me: Caller, admin: Caller, path: str) -> None:
        """The stored preferences, for the user and for admins."""
        tag = put(me, path).headers["ETag"]
        for caller in (me, admin):
            response = caller.get(path)
            assert (answered(response), response.headers["ETag"]) == (SWISS, tag)
            assert response.headers["Cache-Control"] == "private, no-cache, no-transform"

    def test_a_user_without_preferences_gets_the_defaults(self, me: Caller, path: str) -> None:
        """C20: they have an entity tag like other resources."""
        response = me.get(path)
        assert answered(response) == DEFAULTS
        assert response.headers["ETag"].startswith('"0-')

    def test_the_current_version_is_304(self, me: Caller, path: str) -> None:
        """C20."""
        for _ in range(2):
            tag = me.get(path).headers["ETag"]
            assert me.get(path, headers={"If-None-Match": tag}).status_code == 304
            rejected(me.get(path, headers={"If-Match": '"9-00000000"'}), 412, "PRECONDITION_FAILED")
            put(me, path)

    def test_a_projection_has_only_the_requested_members(self, me: Caller, path: str) -> None:
        """C19."""
        assert answered(me.get(f"{path}?fields=theme")) == {"theme": "system"}
        assert violated(me.get(f"{path}?fields=version")) == [("fields", "INVALID_VALUE")]

    @pytest.mark.parametrize("where", [ABSENT, "/v1/users/nonsense/preferences"])
    def test_preferences_of_an_unknown_user(self, admin: Caller, me: Caller, where: str) -> None:
        """404 for an admin; 403 for other callers."""
        rejected(admin.get(where), 404, "USER_NOT_FOUND")
        response = me.get(where)
        assert (response.status_code, response.get_data()) == (403, b"")


class TestReplace:
    def test_ok(self, me: Caller, path: str) -> None:
        """C20: the first time with the tag of the defaults, then with the latest."""
        first = put(me, path, tag=me.get(path).headers["ETag"])
        assert answered(first) == SWISS
        second = put(me, path, DEFAULTS, tag=first.headers["ETag"])
        assert answered(second) == answered(me.get(path)) == DEFAULTS
        tags = {first.headers["ETag"], second.headers["ETag"], me.get(path).headers["ETag"]}
        assert len(tags) == 2

    def test_an_admin_may_replace_those_of_any_user(self, admin: Caller, me: Caller, path: str) -> None:
        assert answered(put(admin, path)) == answered(me.get(path)) == SWISS

    def test_a_missing_if_match_is_428(self, me: Caller, path: str) -> None:
        """C20: nothing is written; 404 and 403 come first, C9a."""
        rejected(me.send("PUT", path, json=SWISS), 428, "PRECONDITION_REQUIRED")
        assert answered(me.get(path)) == DEFAULTS
        assert me.send("PUT", ABSENT, json=SWISS).status_code == 403

    def test_a_stale_tag_is_412(self, me: Caller, path: str) -> None:
        """C20: the tag of the defaults is stale once preferences are stored."""
        tag = me.get(path).headers["ETag"]
        put(me, path)
        rejected(put(me, path, DEFAULTS, tag=tag), 412, "PRECONDITION_FAILED")
        assert answered(me.get(path)) == SWISS

    def test_of_two_concurrent_first_replacements_one_succeeds(self, app: Flask, me: Caller, path: str) -> None:
        tag = me.get(path).headers["ETag"]
        callers = [Caller(app.test_client(), me.credentials) for _ in range(4)]
        answers = at_once(4, lambda n: put(callers[n], path, tag=tag).status_code, threads=4)
        assert Counter(answers) == {200: 1, 412: 3}

    @pytest.mark.parametrize("where", [ABSENT, "/v1/users/nonsense/preferences"])
    def test_preferences_of_an_unknown_user(self, admin: Caller, me: Caller, where: str) -> None:
        rejected(put(admin, where), 404, "USER_NOT_FOUND")
        response = put(me, where)
        assert (response.status_code, response.get_data()) == (403, b"")

    def test_all_violations_are_listed_at_once(self, me: Caller, path: str) -> None:
        body = {"locale": "german", "time_zone": "Middle-earth/Shire", "theme": "pink", "version": 7}
        body["locale"] = "-"
        assert violated(put(me, path, body)) == [
            ("locale", "INVALID_FORMAT"),
            ("time_zone", "INVALID_VALUE"),
            ("theme", "INVALID_VALUE"),
            ("version", "UNKNOWN_FIELD"),
        ]
        assert violated(put(me, path, {"theme": None})) == [
            ("locale", "REQUIRED_FIELD"),
            ("time_zone", "REQUIRED_FIELD"),
            ("theme", "REQUIRED_FIELD"),
        ]

    @pytest.mark.parametrize("locale", ["en", "de-CH", "zh-Hant-TW", "sr-Latn-RS", "es-419", "de-CH-1996", "x" * 8])
    def test_language_tags(self, me: Caller, path: str, locale: str) -> None:
        """BCP 47; stored with the given spelling."""
        assert answered(put(me, path, {**SWISS, "locale": locale}))["locale"] == locale

    @pytest.mark.parametrize(
        "locale", ["", "e", "de_CH", "de-", "de--CH", "de-CH ", "dé", "１２", "../etc", "en-" * 12 + "en"]
    )
    def test_invalid_language_tags(self, me: Caller, path: str, locale: str) -> None:
        assert {field for field, _ in violated(put(me, path, {**SWISS, "locale": locale}))} == {"locale"}

    def test_time_zones_do_not_depend_on_those_of_the_machine(
        self, me: Caller, path: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A machine may lack all zones or the legacy names: a response can always be sent back."""
        monkeypatch.setenv("PYTHONTZPATH", "")
        preferences._time_zones.cache_clear()
        zoneinfo.reset_tzpath(to=())
        try:
            for zone in ("US/Eastern", "Asia/Calcutta", "US/Pacific-New", "Europe/Berlin"):
                stored = answered(put(me, path, {**SWISS, "time_zone": zone}))
                assert answered(put(me, path, answered(me.get(path)))) == stored
        finally:
            zoneinfo.reset_tzpath()

    @pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires", "Etc/GMT+12"])
    def test_time_zones(self, me: Caller, path: str, zone: str) -> None:
        assert answered(put(me, path, {**SWISS, "time_zone": zone}))["time_zone"] == zone

    @pytest.mark.parametrize(
        "zone", ["", "europe/berlin", "Europe", "localtime", "../etc/passwd", "/UTC", "UTC+1", "x" * 5000]
    )
    def test_invalid_time_zones(self, me: Caller, path: str, zone: str) -> None:
        assert violated(put(me, path, {**SWISS, "time_zone": zone})) == [("time_zone", "INVALID_VALUE")]

    def test_they_are_deleted_with_the_account(
        self, unauthenticated: Caller, app: Flask, user: dict[str, Any], path: str
    ) -> None:
        """Deletion removes the row."""
        caller = logged_in(unauthenticated, user["email"])[0]
        put(caller, path)
        assert caller.delete("/v1/users/me", json={"current_password": PASSWORD}).status_code == 200
        with app.app_context(), db.engine.connect() as connection:
            assert connection.execute(text("SELECT count(*) FROM preferences")).scalar_one() == 0


def test_a_tag_of_a_lost_version_names_no_other_content(me: Caller, app: Flask, path: str) -> None:
    """A failover or a restored backup repeats the version number."""
    first = me.put(path, json=SWISS, headers={"If-Match": "*"}).headers["ETag"]
    lost = me.put(path, json=SWISS | {"theme": "light"}, headers={"If-Match": first}).headers["ETag"]
    with app.app_context(), db.engine.begin() as database:
        restore = text("UPDATE preferences SET theme = 'dark', version = version - 1 WHERE user_id = :id")
        database.execute(restore, {"id": path.split("/")[3]})
    now = me.put(path, json=SWISS | {"theme": "system"}, headers={"If-Match": first}).headers["ETag"]
    assert now.split("-")[0] == lost.split("-")[0]
    rejected(me.put(path, json=SWISS, headers={"If-Match": lost}), 412, "PRECONDITION_FAILED")
