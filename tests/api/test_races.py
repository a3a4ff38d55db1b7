"""Concurrent requests: the loser gets a 409, and never a 500."""

import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Final

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from tests.api.caller import Caller, answered, at_once, rejected

pytestmark = pytest.mark.slow

ATTEMPTS: Final = 50


@pytest.fixture
def sends(alice: Caller, app: Flask) -> "Sends":
    """Return the sender of concurrent requests."""
    return Sends(alice, app)


class Sends:
    """Sends concurrent requests of alice, each with its own client."""

    def __init__(self, alice: Caller, app: Flask) -> None:
        self.alice = alice
        self.application = app

    def caller(self) -> Caller:
        """Return alice on another connection."""
        return Caller(self.application.test_client(), self.alice.credentials)

    def create(self, titles: list[str]) -> Counter[int]:
        """Return the number of responses with each status."""
        return Counter(at_once(len(titles), lambda n: admitted(partial(self.caller().create, titles[n])).status_code))


def admitted(send: Callable[[], TestResponse]) -> TestResponse:
    """Send until a work slot is free, as a client that obeys Retry-After. Of 40 concurrent requests, some are shed."""
    for _ in range(ATTEMPTS):
        response = send()
        if response.status_code != 503:
            break
        time.sleep(0.1)
    return response


class TestTitles:
    """Many creations with the same title."""

    def test_of_two_hundred_concurrent_creations_one_succeeds(self, alice: Caller, sends: Sends) -> None:
        """One 201 and 199 times 409."""
        assert sends.create(["Buy milk"] * 200) == {201: 1, 409: 199}
        assert alice.titles() == ["Buy milk"]

    def test_every_spelling_of_a_title_is_the_same_title(self, alice: Caller, sends: Sends) -> None:
        """NFC and NFD, with and without spaces around."""
        spellings = ["caf\u00e9", "cafe\u0301", "caf\u00e9 ", "\u3000cafe\u0301"]
        assert sends.create(spellings * 15) == {201: 1, 409: 59}
        assert len(alice.titles()) == 1

    def test_different_titles_do_not_block_each_other(self, alice: Caller, sends: Sends) -> None:
        assert sends.create([str(n) for n in range(50)]) == {201: 50}
        assert answered(alice.list_tasks())["total_size"] == 50

    def test_of_concurrent_renames_to_one_title_one_succeeds(self, alice: Caller, sends: Sends) -> None:
        """With PATCH too."""
        paths = [f"/v1/{alice.task(str(n))['name']}" for n in range(30)]
        statuses = at_once(
            30, lambda n: admitted(partial(sends.caller().patch, paths[n], json={"title": "one"})).status_code
        )
        assert Counter(statuses) == {200: 1, 409: 29}

    def test_batches_that_share_titles_neither_deadlock_nor_fail(self, alice: Caller, sends: Sends) -> None:
        """Each title is created exactly once, in any order of the requests."""
        titles = [{"title": str(n)} for n in range(20)]
        batches = [titles, titles[::-1], titles[10:] + titles[:10], titles[5:15]]

        def send(n: int) -> int:
            caller = sends.caller()
            response = admitted(lambda: caller.batch(*batches[n % len(batches)]))
            document = response.json
            assert response.status_code in {200, 207, 409}, document
            assert document is not None
            return len(document.get("tasks", []))

        assert sum(at_once(40, send)) == 20
        assert sorted(alice.titles(), key=int) == [str(n) for n in range(20)]

    def test_batches_and_single_creations_share_the_titles(self, alice: Caller, sends: Sends) -> None:

        def send(n: int) -> int:
            caller = sends.caller()
            return admitted(lambda: caller.create("a") if n % 2 else caller.batch({"title": "a"})).status_code

        counted = Counter(at_once(30, send))
        assert counted[409] == 29
        assert counted[201] + counted[200] == 1


class TestKeys:
    """Many requests with one Idempotency-Key."""

    def test_a_hundred_with_one_key_have_one_effect(self, alice: Caller, sends: Sends) -> None:
        """One 201, replays of it byte for byte, and 409 for requests during the first."""
        body = {"task": {"title": "Buy milk"}}
        keyed = {"Idempotency-Key": "k-1"}
        responses = at_once(100, lambda _: admitted(partial(sends.caller().post, json=body, headers=keyed)))
        done = [each for each in responses if each.status_code == 201]
        assert [each.headers.get("Idempotent-Replayed") for each in done].count(None) == 1
        assert len({(each.get_data(), each.headers["Location"], each.headers["ETag"]) for each in done}) == 1
        for each in responses:
            if each.status_code != 201:
                assert rejected(each, 409, "IDEMPOTENCY_IN_PROGRESS")["retry_after"] == 1
        assert alice.titles() == ["Buy milk"]
