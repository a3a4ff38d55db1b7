"""``DELETE /v1/users/me`` leaves no personal data in any table: rows are deleted, or kept without the person."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
from flask import Flask
from sqlalchemy import insert, text, update

from app.config import ROOT
from app.errs.platform import ServiceUnavailable
from app.extensions import db
from app.models import Base
from app.models.failed_requests import Failure
from app.models.jobs import Job, NewJob
from app.models.products import Product
from app.models.users import DELETED_USER_ID
from app.services import deletion
from tests.api.accounts import PASSWORD, an_address, join, logged_in, register
from tests.api.caller import Caller, answered, path_of
from tests.api.conftest import Bearer
from tests.sent_statements import sent_by

pytestmark = pytest.mark.slow

ME: Final = "/v1/users/me"
SURE: Final = {"current_password": PASSWORD}
NAME: Final = "Zebulon Quartermain"
SECRET: Final = "xylophone"
"""A text in titles and descriptions."""
PAGE: Final = (ROOT / "docs" / "policies" / "data-protection.md").read_text()


class Person:
    """A user with data in every table."""

    def __init__(self, unauthenticated: Caller, app: Flask, bearer: Bearer) -> None:
        self.app, self.unauthenticated = app, unauthenticated
        self.email = an_address()
        self.id: str = join(unauthenticated, app, self.email)["id"]
        self.me, self.refresh = logged_in(unauthenticated, self.email)
        self.admin = Caller(unauthenticated.client, bearer(self.id, "admin"))
        answered(self.me.patch(ME, json={"name": NAME}))

    def fill(self) -> None:
        """Write a row into every table."""
        with self.app.app_context(), db.engine.begin() as connection:
            connection.execute(insert(Product).values(sku="TEA", currency=1, price=1, update_time=datetime.now(UTC)))
            entry = {"status": 404, "path": f"/v1/users/{self.id}", "user": self.id}
            connection.execute(insert(Failure).values(request_id="r", at=datetime.now(UTC), said=entry))
            connection.execute(
                insert(Failure).values(request_id="s", at=datetime.now(UTC), said={"causes": [f"<{self.email}>"]})
            )
        keyed = {"Idempotency-Key": SECRET}
        answered(self.me.post("/v1/tasks", json={"task": {"title": SECRET, "tags": [SECRET]}}, headers=keyed), 201)
        answered(self.me.post("/v1/orders", json=self.order()), 201)  # part: orders
        answered(self.admin.post("/v1/movies", json={"title": "Repo Man"}), 201)  # part: movies
        answered(self.admin.put("/v1/logger", json={"level": "INFO", "log_error_stack": True}))
        preferences = {"locale": "de-CH", "time_zone": "Europe/Zurich", "theme": "dark"}
        answered(self.me.put(f"/v1/users/{self.id}/preferences", json=preferences, headers={"If-Match": "*"}))
        self.unauthenticated.post("/v1/users:requestPasswordReset", json={"email": self.email})
        register(self.unauthenticated, self.email, name=NAME)
        issue = ["tokens", "issue", "--subject", self.id]
        assert self.app.test_cli_runner().invoke(args=issue).exit_code == 0

    def order(self) -> dict[str, Any]:
        """Return a new order."""
        return {"customer_id": self.id, "currency": "USD", "items": [{"sku": "TEA", "quantity": 1}]}

    def traces(self) -> dict[str, list[str]]:
        """Return the rows that contain personal data, by table."""
        shown = re.compile("|".join(map(re.escape, (self.id, self.email, NAME, SECRET))), re.IGNORECASE)
        found = {}
        for table, rows in rows_of(self.app).items():
            found[table] = [row for row in rows if shown.search(row)]
        return {table: rows for table, rows in found.items() if rows}


def rows_of(app: Flask) -> dict[str, list[str]]:
    """Return the rows of each table, as texts."""
    with app.app_context(), db.engine.connect() as connection:
        return {
            table: [*connection.execute(text(f"SELECT t::text FROM {table} t")).scalars()]
            for table in Base.metadata.tables
        }


def run_jobs(app: Flask) -> int:
    """Run all jobs of erasure, whatever their due time; return their number."""
    jobs, ran = app.extensions["app-services"].jobs, 0
    while True:
        with app.app_context():
            with db.engine.begin() as connection:
                connection.execute(update(Job).where(Job.kind == deletion.ERASE).values(run_time=datetime.now(UTC)))
            others = {kind: jobs.handlers.pop(kind) for kind in [*jobs.handlers] if kind != deletion.ERASE}
            try:
                job = jobs.claim(owner="test")
                if job is None:
                    return ran
                assert jobs.run(job) == "done"
            finally:
                jobs.handlers.update(others)
        ran += 1


@pytest.fixture
def person(unauthenticated: Caller, app: Flask, bearer: Bearer) -> Person:
    """Return a user with data in every table."""
    made = Person(unauthenticated, app, bearer)
    made.fill()
    return made


def test_no_personal_data_is_left(person: Person, app: Flask) -> None:
    """The ID remains in the user's own row, which has nothing else, and in the job that searches for late rows."""
    before = person.traces()
    treated = {"registrations", "password_resets", "preferences", "idempotency_keys", "failures", "jobs"}
    assert {*before} >= treated | {"users", "tasks", "logger", "refresh_tokens", "issued_tokens"}
    assert "orders" in before  # part: orders
    assert "movies" in before  # part: movies
    answered(person.me.delete(ME, json=SURE))
    left = person.traces()
    assert {*left} == {"users", "jobs"}
    ((user,), (job,)) = (left["users"], left["jobs"])
    assert not any(each in user for each in (person.email, NAME, "argon2"))
    assert deletion.ERASE in job
    assert run_jobs(app) == 1
    assert {*person.traces()} == {"users"}


def test_kept_orders_have_no_personal_data(person: Person, admin: Caller) -> None:
    """They are business records of the service."""
    answered(person.me.delete(ME, json=SURE))
    (order,) = answered(admin.get("/v1/orders?expand=items"))["orders"]
    assert (order["customer_id"], order["total"], len(order["items"])) == (str(DELETED_USER_ID), "1.00", 1)


def test_kept_movies_have_no_personal_data(person: Person, admin: Caller) -> None:
    """They have no owner."""
    answered(person.me.delete(ME, json=SURE))
    (movie,) = answered(admin.get("/v1/movies"))["movies"]
    assert (movie["create_username"], movie["update_username"]) == (str(DELETED_USER_ID), str(DELETED_USER_ID))


@pytest.mark.parametrize(
    "kind",
    [
        "orders",
        "movies",
    ],
)
def test_kept_resources_get_another_entity_tag(person: Person, admin: Caller, kind: str) -> None:
    """A strong entity tag identifies the same bytes (RFC 9110, section 8.8.1), and these contain another ID."""
    (row,) = answered(admin.get(f"/v1/{kind}"))[kind]
    path = f"/v1/{kind}/{row.get('id') or row['external_id']}"
    before = admin.get(path)
    answered(person.me.delete(ME, json=SURE))
    after = admin.get(path, headers={"If-None-Match": before.headers["ETag"]})
    assert str(DELETED_USER_ID) in str(answered(after))
    assert after.headers["ETag"] != before.headers["ETag"]


def test_other_users_lose_nothing(
    person: Person, app: Flask, unauthenticated: Caller, alice: Caller, bearer: Bearer
) -> None:
    other = Person(unauthenticated, app, bearer)
    task = alice.task("mine")
    answered(other.me.post("/v1/tasks", json={"task": {"title": "mine"}}, headers={"Idempotency-Key": "k"}), 201)
    before = {table: [row for row in rows if other.id in row] for table, rows in rows_of(app).items()}
    answered(person.me.delete(ME, json=SURE))
    run_jobs(app)
    assert {table: [row for row in rows if other.id in row] for table, rows in rows_of(app).items()} == before
    answered(other.me.get(ME))
    answered(alice.get(path_of(task)))


def test_large_amounts_of_data_are_erased_by_a_job(person: Person, app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """In batches, until none is left."""
    monkeypatch.setattr(deletion, "IMMEDIATE_ROWS", 2)
    monkeypatch.setattr(deletion, "ROWS_PER_JOB", 3)
    for number in range(9):
        person.me.task(f"{SECRET} {number}")
        answered(person.me.post("/v1/orders", json=person.order()), 201)  # part: orders
    answered(person.me.delete(ME, json=SURE))
    left = person.traces()
    assert len(left["tasks"]) == 8
    assert len(left["orders"]) == 8  # part: orders
    assert run_jobs(app) == 3
    assert {*person.traces()} == {"users"}


def test_failed_requests_are_searched_twice_whatever_the_number_of_jobs(
    person: Person, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each search reads the whole table: immediately, and a minute later, when no more rows can arrive."""
    monkeypatch.setattr(deletion, "IMMEDIATE_ROWS", 1)
    monkeypatch.setattr(deletion, "ROWS_PER_JOB", 1)
    for number in range(4):
        person.me.task(f"{SECRET} {number}")
    with app.app_context():
        engine = db.engine
    with sent_by(engine) as statements:
        answered(person.me.delete(ME, json=SURE))
        with app.app_context(), engine.begin() as connection:
            entry = {"status": 404, "user": person.id}
            connection.execute(insert(Failure).values(request_id="t", at=datetime.now(UTC), said=entry))
        assert run_jobs(app) == 5
    assert sum(each.startswith("DELETE FROM failures") for each in statements) == 2
    assert {*person.traces()} == {"users"}


def test_rows_written_while_a_token_is_still_accepted_are_erased_too(person: Person, app: Flask) -> None:
    """For up to 5 seconds."""
    answered(person.me.delete(ME, json=SURE))
    person.me.task(f"{SECRET} once more")
    assert run_jobs(app) == 1
    assert {*person.traces()} == {"users"}


def test_a_deletion_that_fails_deletes_nothing(person: Person, app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """All in one transaction."""
    before = rows_of(app)

    def fail(*_: object) -> None:
        raise ServiceUnavailable(retry_after=1)

    with monkeypatch.context() as patched:
        patched.setattr("app.repositories.jobs.JobRepository.add", fail)
        assert person.me.delete(ME, json=SURE).status_code == 503
    assert rows_of(app) == before


def test_a_job_whose_transaction_is_rolled_back_is_rescheduled(
    person: Person, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PostgreSQL executes nothing more in an aborted transaction. The queue runs the job again in another one."""
    answered(person.me.delete(ME, json=SURE))
    jobs, calls = app.extensions["app-services"].jobs, []

    def fail(*_: object, **__: object) -> None:
        calls.append(1)
        raise ServiceUnavailable(retry_after=1, is_undone=True)

    with app.app_context(), monkeypatch.context() as patched:
        patched.setattr("app.repositories.erasure.ErasureRepository.erase", fail)
        with db.engine.begin() as connection:
            connection.execute(text("DELETE FROM jobs WHERE kind <> :kind"), {"kind": deletion.ERASE})
            connection.execute(update(Job).values(run_time=datetime.now(UTC)))
        assert jobs.run(jobs.claim(owner="test")) == "rescheduled"
    assert len(calls) == 1
    assert run_jobs(app) == 1


def test_a_job_may_begin_later(app: Flask, unauthenticated: Caller) -> None:
    unit_of_work = app.extensions["app-services"].jobs._unit_of_work
    with app.app_context(), unit_of_work() as unit:
        unit.jobs.add(NewJob(deletion.ERASE, {"user_id": str(DELETED_USER_ID)}, after=timedelta(hours=1)))
        unit.commit()
        assert app.extensions["app-services"].jobs.claim(owner="test") is None


class TestDecisions:
    def test_every_table_has_one(self) -> None:
        """docs/policies/data-protection.md has a decision for each table, and for no other."""
        listed = re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE)
        lacking, strange = {*Base.metadata.tables} - {*listed}, {*listed} - {*Base.metadata.tables}
        instead = "to the table of docs/policies/data-protection.md: its personal data, and when that is deleted"
        assert not lacking, f"add {', '.join(sorted(lacking))} {instead}"
        assert not strange, f"remove the rows of {strange} there: these tables do not exist"
        assert len(listed) == len({*listed})

    def test_each_decision_is_implemented(self, person: Person, app: Flask) -> None:
        """No row is left in the tables where the page promises deletion."""
        deleted = re.findall(r"^\| `(\w+)` \|[^|]*\| deleted", PAGE, re.MULTILINE)
        assert len(deleted) >= 8
        answered(person.me.delete(ME, json=SURE))
        run_jobs(app)
        rows = rows_of(app)
        assert {table: rows[table] for table in deleted if rows[table]} == {}
