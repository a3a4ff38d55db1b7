"""C21: the same key twice is one effect and one answer."""

import hashlib
import json
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text
from werkzeug.test import TestResponse

from app.extensions import db
from tests.api.caller import BATCH, TASKS, Caller, answered, path_of, rejected, violated
from tests.api.conftest import MovableClock

KEPT = ("Content-Type", "Location", "ETag")


def key(value: str = "k-1") -> dict[str, str]:
    """Return the header field with a key."""
    return {"Idempotency-Key": value}


def create(caller: Caller, title: str = "Buy milk", *, value: str = "k-1", **members: Any) -> TestResponse:
    """Send a request to create a task."""
    return caller.post(json={"task": {"title": title, **members}}, headers=key(value))


def is_replay(response: TestResponse) -> bool:
    """Return whether a response is marked as a replay."""
    return response.headers.get("Idempotent-Replayed") == "true"


class TestReplay:
    """A repeated request."""

    def test_ok(self, alice: Caller) -> None:
        """C21: the status, the body and the header fields of the stored response, byte for byte; the others are new."""
        first, second = create(alice), create(alice)
        assert (first.status_code, second.status_code) == (201, 201)
        assert first.get_data() == second.get_data()
        assert [first.headers.get(name) for name in KEPT] == [second.headers.get(name) for name in KEPT]
        assert (is_replay(first), is_replay(second)) == (False, True)
        assert first.headers["X-Request-Id"] != second.headers["X-Request-Id"]
        assert "Idempotent-Replayed" not in first.headers
        assert alice.titles() == ["Buy milk"]

    def test_the_first_response_is_the_same_as_without_a_key(self, alice: Caller) -> None:
        """C21: a key does not change the first response."""
        keyed, plain = create(alice, "one"), alice.create("two")
        assert {*keyed.headers.keys()} == {*plain.headers.keys()}
        assert list(answered(keyed, 201)) == list(answered(plain, 201))

    @pytest.mark.parametrize(
        "spelling",
        [
            '{"task":{"title":"Buy milk","tags":["a","b"],"description":null}}',
            '{"task":{"description":null,"tags":["a","b"],"title":"Buy milk"}}',
            ' {\n "task" : {"title" : "Buy\\u0020milk", "tags":\t["a", "b"], "description":null } } ',
        ],
    )
    def test_the_parsed_body_counts_whatever_its_spelling(self, alice: Caller, spelling: str) -> None:
        answered(create(alice, tags=["a", "b"], description=None), 201)
        assert is_replay(alice.post(data=spelling, content_type="application/json", headers=key()))

    @pytest.mark.parametrize("sent", ['"k-1"', " k-1 ", ' "k-1"', "k-1\t"])
    def test_quoted_equals_bare(self, alice: Caller, sent: str) -> None:
        """C21: a structured-field string or a bare word."""
        create(alice)
        assert is_replay(create(alice, value=sent))

    def test_an_escaped_quote_is_a_quote(self, alice: Caller) -> None:
        """RFC 9651, section 3.3.3."""
        create(alice, value=r'"a\"b\\c"')
        assert is_replay(create(alice, value=r'"a\"b\\c"'))
        rejected(create(alice, value=r'"a\bc"'), 400, "INVALID_IDEMPOTENCY_KEY")

    def test_a_batch_is_replayed_with_its_failures(self, alice: Caller) -> None:
        """C21: 207 is a success too; taken titles are not tried again."""
        taken = alice.task("a")
        first = alice.batch({"title": "a"}, {"title": "b"}, headers=key())
        alice.delete(path_of(taken))
        second = alice.batch({"title": "a"}, {"title": "b"}, headers=key())
        assert (first.status_code, second.status_code) == (207, 207)
        assert first.get_data() == second.get_data()
        assert (is_replay(first), is_replay(second)) == (False, True)

    def test_it_is_replayed_after_the_task_was_changed_or_deleted(self, alice: Caller) -> None:
        """C21: the stored response, not the present state."""
        first = create(alice)
        alice.patch(first.headers["Location"], json={"title": "x"})
        assert create(alice).get_data() == first.get_data()
        alice.delete(first.headers["Location"])
        assert create(alice).get_data() == first.get_data()

    def test_another_application_replays_it_too(self, alice: Caller, other_application: Flask) -> None:
        """C21: the key is in the database, whichever worker answers."""
        create(alice)
        assert is_replay(create(Caller(other_application.test_client(), alice.credentials)))


class TestOtherRequests:
    """Different requests with the same key."""

    @pytest.mark.parametrize(
        ("path", "body"),
        [
            (TASKS, {"task": {"title": "other"}}),
            (TASKS, {"task": {"title": "Buy milk", "tags": []}}),
            (TASKS, {"task": {"title": "Buy milk "}}),
            (TASKS, {}),
            (TASKS, {"task": {"title": ""}}),
            (TASKS, ["Buy milk"]),
            (BATCH, {"task": {"title": "Buy milk"}}),
            (f"{TASKS}?x=1", {"task": {"title": "Buy milk"}}),
        ],
        ids=str,
    )
    def test_another_body_route_or_query_is_422(self, alice: Caller, path: str, body: Any) -> None:
        """And nothing is done; valid or not, it is not the same request."""
        create(alice)
        document = rejected(alice.post(path, json=body, headers=key()), 422, "IDEMPOTENCY_KEY_REUSED")
        assert document["param"] == "Idempotency-Key"
        assert alice.titles() == ["Buy milk"]

    @pytest.mark.parametrize(("first", "second"), [("1", "1.0"), ("true", "1"), ("null", "false"), ('"1"', "1")])
    def test_values_of_different_types_are_different(self, alice: Caller, first: str, second: str) -> None:
        """They are compared before they are validated."""
        body = '{"task":{"title":"x","create_time":%s}}'
        answered(alice.post(data=body % first, content_type="application/json", headers=key()), 201)
        response = alice.post(data=body % second, content_type="application/json", headers=key())
        rejected(response, 422, "IDEMPOTENCY_KEY_REUSED")

    def test_another_caller_s_key_is_another_key(self, alice: Caller, bob: Caller) -> None:
        """C21: no caller gets another's response."""
        first, second = create(alice), create(bob)
        assert not is_replay(second)
        assert answered(second, 201)["created_by"] == "bob"
        assert first.headers["Location"] != second.headers["Location"]

    def test_combinations_of_caller_and_key_are_distinct(self, client: Any, bearer: Any) -> None:
        """``al`` with ``icekey`` is not ``alice`` with ``key``."""
        assert not is_replay(create(Caller(client, bearer("alice")), value="key"))
        assert not is_replay(create(Caller(client, bearer("al")), value="icekey"))

    def test_keys_have_no_effect_on_other_methods(self, alice: Caller) -> None:
        """C21: on every POST that creates; ignored elsewhere, valid or not."""
        path = path_of(alice.task())
        for value in ("k-1", ""):
            answered(alice.get(path, headers=key(value)))
            answered(alice.patch(path, json={"title": value or "y"}, headers=key(value)))


class TestErrors:
    """Any error leaves the key free."""

    def test_a_corrected_request_runs_with_the_key_of_the_failed_one(
        self, alice: Caller, unauthenticated: Caller
    ) -> None:
        """After 400, 401, 403, 406, 409, 413 and 415."""
        alice.task("taken")
        assert violated(create(alice, "")) == [("title", "TOO_SHORT")]
        rejected(create(alice, "taken"), 409, "TASK_TITLE_TAKEN")
        rejected(alice.batch({"title": "taken"}, headers=key()), 409, "BATCH_FAILED")
        assert create(unauthenticated).status_code == 401
        rejected(alice.post(data=b"{", content_type="application/json", headers=key()), 400, "MALFORMED_JSON")
        rejected(alice.post(data=b"{}", content_type="text/plain", headers=key()), 415, "UNSUPPORTED_MEDIA_TYPE")
        rejected(alice.post(headers={**key(), "Accept": "text/html"}), 406, "NOT_ACCEPTABLE")
        response = create(alice)
        assert (response.status_code, is_replay(response)) == (201, False)

    def test_a_409_does_not_prevent_a_later_201_with_the_same_key(self, alice: Caller) -> None:
        """C21: only 2xx responses are stored."""
        taken = alice.task("taken")
        rejected(create(alice, "taken"), 409, "TASK_TITLE_TAKEN")
        alice.delete(path_of(taken))
        answered(create(alice, "taken"), 201)

    def test_a_failure_to_store_rolls_back_the_effect(self, alice: Caller, app: Flask) -> None:
        """C21: key and effect in one transaction."""
        with app.app_context(), db.engine.begin() as connection:
            connection.execute(text("ALTER TABLE idempotency_keys ADD CONSTRAINT full_up CHECK (status = 0)"))
        try:
            alice.client.allows_500 = True  # type: ignore[attr-defined]  # of the checked client
            assert create(alice).status_code == 500
        finally:
            with app.app_context(), db.engine.begin() as connection:
                connection.execute(text("ALTER TABLE idempotency_keys DROP CONSTRAINT full_up"))
        assert alice.titles() == []
        answered(create(alice), 201)

    @pytest.mark.parametrize(
        "sent",
        [
            "",
            " ",
            '""',
            "k" * 256,
            '"' + "k" * 256 + '"',
            "a,b",
            "a, a",
            '"a", "a"',
            '"open',
            'in"side',
            "t\tab",
            "é",
            "\x7f",
            "k\x00",
        ],
        ids=ascii,
    )
    def test_an_invalid_key_is_400(self, alice: Caller, sent: str) -> None:
        """1–255 printable ASCII, once."""
        response = alice.post(json={"task": {"title": "x"}}, environ_overrides={"HTTP_IDEMPOTENCY_KEY": sent})
        assert rejected(response, 400, "INVALID_IDEMPOTENCY_KEY")["param"] == "Idempotency-Key"
        assert alice.titles() == []

    @pytest.mark.parametrize("sent", ["k" * 255, '"' + "k" * 255 + '"', "!", "a b", "~'()*;:=/?", "0"])
    def test_every_valid_key_works(self, alice: Caller, sent: str) -> None:
        create(alice, value=sent)
        assert is_replay(create(alice, value=sent))

    def test_two_header_fields_are_400(self, alice: Caller) -> None:
        """C21: sent twice."""
        headers = [*alice.credentials.items(), ("Idempotency-Key", "a"), ("Idempotency-Key", "a")]
        response = alice.client.post(TASKS, json={"task": {"title": "x"}}, headers=headers)
        rejected(response, 400, "INVALID_IDEMPOTENCY_KEY")


class TestTime:
    """A key is valid for 24 hours."""

    def test_a_replay_outlives_its_due_date(self, timed: Caller, clock: MovableClock) -> None:
        """C21: the key is looked up before the body is validated."""
        soon = (clock.now() + timedelta(minutes=5)).isoformat()
        first = create(timed, due_date=soon)
        clock.moved = timedelta(hours=1)
        assert create(timed, due_date=soon).get_data() == first.get_data()
        assert violated(create(timed, due_date=soon, value="k-2")) == [("due_date", "MUST_BE_FUTURE")]

    def test_it_is_replayed_for_24_hours_and_no_longer(self, timed: Caller, clock: MovableClock) -> None:
        first = create(timed)
        clock.moved = timedelta(hours=23, minutes=59)
        assert is_replay(create(timed))
        clock.moved = timedelta(hours=24, seconds=1)
        rejected(create(timed), 409, "TASK_TITLE_TAKEN")
        timed.delete(first.headers["Location"])
        anew = create(timed)
        assert (anew.status_code, is_replay(anew)) == (201, False)
        assert is_replay(create(timed))

    def test_an_expired_key_may_be_used_for_another_request(self, timed: Caller, clock: MovableClock) -> None:
        create(timed)
        clock.moved = timedelta(hours=25)
        assert not is_replay(create(timed, "other"))

    def test_expired_keys_are_deleted_when_new_ones_arrive(
        self, timed: Caller, clock: MovableClock, app: Flask
    ) -> None:
        """Without a job, a few at a time."""
        for n in range(12):
            create(timed, f"old {n}", value=f"old-{n}")
        clock.moved = timedelta(hours=25)
        for n in range(2):
            create(timed, f"new {n}", value=f"new-{n}")
        with app.app_context(), db.engine.connect() as connection:
            assert connection.execute(text("SELECT count(*) FROM idempotency_keys")).scalar_one() == 2


class TestStorage:
    """Stored data of a key, and the time for which it is locked."""

    def test_a_key_is_free_after_its_request_crashed(self, alice: Caller, app: Flask) -> None:
        """C21: a crash never blocks a key."""
        scope = hashlib.sha256(b"5:alicek-1").hexdigest()
        with app.app_context():
            dying = db.engine.connect()
            dying.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:scope, 0))"), {"scope": scope})
            rejected(create(alice), 409, "IDEMPOTENCY_IN_PROGRESS")
            dying.invalidate()
            dying.close()
        answered(create(alice), 201)

    def test_only_the_response_of_a_request_is_stored(self, alice: Caller, app: Flask) -> None:
        """C21: no credential is ever stored."""
        create(alice)
        with app.app_context(), db.engine.connect() as connection:
            row = connection.execute(text("SELECT * FROM idempotency_keys")).one()._asdict()
        assert {*row} == {"scope", "fingerprint", "status", "headers", "body", "expire_time", "owner"}
        assert {*row["headers"]} == {*KEPT}
        stored = json.dumps({name: str(value) for name, value in row.items()})
        assert alice.credentials["Authorization"].split()[1] not in stored
