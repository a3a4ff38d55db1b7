"""Every resource over gRPC: the same rows, rules and errors as over HTTP; and a valid request of each method."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar, Final
from uuid import UUID, uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from google.protobuf import json_format
from google.protobuf.message import Message
from grpc import StatusCode

from app.extensions import db
from app.models import Base
from app.models.resource import Resource
from app.rest import operations
from app.rpc.calls import Method
from app.rpc.services import SERVICES
from tests.api.caller import Caller, answered
from tests.conftest import TokenMaker
from tests.operations_that_ran import own
from tests.resources.api import OTHER, USER
from tests.resources.subject import Subject
from tests.rows import stored
from tests.rpc.client import Client, Failure
from tests.samples import prepared

SAMPLE_ID: Final = UUID("8c1b2c1e-6f4e-4d4c-9d6e-0d9b6a1f2a33")
"""The ID in the sample of each reference."""
STALE: Final = "9-0"


def served() -> Iterator[Subject]:
    """Yield the generated resources that gRPC serves: each has a package of the protocol with its name."""
    tables = {each.class_.__tablename__ for each in Base.registry.mappers if issubclass(each.class_, Resource)}
    names = (service.described.full_name.partition(".")[0] for service in SERVICES)
    yield from (Subject(name) for name in names if name in tables)


def requests() -> dict[str, Message]:
    """Return a valid request of each method of generated resources. It refers to rows with the ID of the samples."""
    return {
        each.name.rpartition("/")[2]: Api(subject).sample(each) for subject in served() for each in methods(subject)
    }


def store_references(app: Flask) -> None:
    """Store the rows to which the requests refer."""
    keys = (key for subject in served() for key in subject.table.foreign_key_constraints)
    tables = dict.fromkeys(key.referred_table for key in keys)
    with app.app_context(), db.engine.begin() as connection:
        for table in tables:
            stored(connection, table, id=SAMPLE_ID)


def methods(subject: Subject) -> list[Method]:
    """Return the methods of a resource."""
    service = next(each for each in SERVICES if each.described.full_name.startswith(f"{subject.name}."))
    return [*service.methods.values()]


class Api:
    """The messages of a resource."""

    def __init__(self, subject: Subject) -> None:
        self.subject, self.one = subject, subject.model.__name__
        self._takes = {each.name.rpartition("/")[2]: each.takes for each in methods(subject)}

    def request(self, method: str, name: str = "", etag: str = "", **fields: Any) -> Message:
        """Return a request: with the body of a resource as JSON, if the method takes one."""
        kind, one = self._takes[method], self.one.lower()
        about = {"name": name, "etag": etag}
        if one not in kind.DESCRIPTOR.fields_by_name:
            known = {key: value for key, value in about.items() if key in kind.DESCRIPTOR.fields_by_name}
            return json_format.ParseDict({**known, **fields}, kind())
        return json_format.ParseDict({one: {**about, **fields}}, kind())

    def sample(self, method: Method) -> Message:
        """Return a valid request of a method."""
        name = method.name.rpartition("/")[2]
        is_list = name.startswith("List")
        return self.request(name, f"{self.subject.name}/{SAMPLE_ID}", "*", **({} if is_list else self._body(name)))

    def _body(self, method: str) -> dict[str, Any]:
        return self.subject.sample if self.one.lower() in self._takes[method].DESCRIPTOR.fields_by_name else {}

    def of_transition(self, name: str) -> str:
        """Return the method of a transition."""
        return "".join(map(str.capitalize, name.split("_"))) + self.one


class GrpcTests:
    """The tests of a resource over gRPC. ``name`` is the plural of its name, which is also its scope."""

    name: ClassVar[str]

    @pytest.fixture
    def subject(self) -> Subject:
        """Return the resource."""
        return Subject(self.name)

    @pytest.fixture
    def api(self, subject: Subject) -> Api:
        """Return its messages."""
        return Api(subject)

    @pytest.fixture
    def user(self, client: FlaskClient, port: int, token: TokenMaker) -> Iterator[Client]:
        """Return a client with the scope; the tables are emptied afterwards."""
        with Client.of(port, token(USER, self.name)) as user:
            yield user

    @pytest.fixture
    def other(self, port: int, token: TokenMaker) -> Iterator[Client]:
        """Return the client of another user with the scope."""
        with Client.of(port, token(OTHER, self.name)) as other:
            yield other

    @pytest.fixture
    def caller(self, client: FlaskClient, bearer: Callable[..., dict[str, str]]) -> Caller:
        """Return the same user over HTTP."""
        return Caller(client, bearer(USER, self.name))

    @pytest.fixture
    def body(self, app: Flask, subject: Subject, user: Client) -> Callable[[int], dict[str, Any]]:
        """Return a maker of valid bodies. The rows to which they refer are stored."""
        return lambda number: {**subject.varied(number), **prepared(app, f"POST {subject.path}")}

    @pytest.fixture
    def made(self, user: Client, api: Api, body: Callable[[int], dict[str, Any]]) -> Any:
        """Return one that the user has created over gRPC."""
        return user.call(f"Create{api.one}", api.request(f"Create{api.one}", **body(0)))[0]

    def test_its_errors_are_those_over_http(self, app: Flask, subject: Subject, api: Api) -> None:
        """The errors of the use cases; each transport declares those of its machinery itself."""
        table = {each.name: each for each in operations.table(app).values()}
        item = f"{subject.path}/<id:{api.one.lower()}_id>"
        routes = {
            f"Create{api.one}": f"POST {subject.path}",
            f"Get{api.one}": f"GET {item}",
            f"List{self.name.capitalize()}": f"GET {subject.path}",
            f"Replace{api.one}": f"PUT {item}",
            f"Delete{api.one}": f"DELETE {item}",
            **{api.of_transition(name): f"POST {item}:{name}" for name in subject.transitions},
        }
        found = {each.name.rpartition("/")[2]: each for each in methods(subject)}
        assert found.keys() == routes.keys()
        for name, route in routes.items():
            assert {*own(table[route])} == {*own(found[name])}, name

    def test_both_protocols_read_the_same(
        self, user: Client, caller: Caller, subject: Subject, api: Api, made: Any, body: Callable[[int], dict[str, Any]]
    ) -> None:
        path = f"/v1/{made.name}"
        assert shown(made) == as_message(answered(caller.get(path)))
        second = answered(caller.post(subject.path, json=body(1)), 201)
        found = user.call(f"Get{api.one}", api.request(f"Get{api.one}", f"{subject.name}/{second['id']}"))[0]
        assert shown(found) == as_message(second)
        request = api.request(f"List{self.name.capitalize()}", pageSize=1, orderBy="create_time")
        page, _ = user.call(f"List{self.name.capitalize()}", request)
        assert ([*getattr(page, self.name)], page.total_size) == ([made], 2)
        request = api.request(f"List{self.name.capitalize()}", pageToken=page.next_page_token, orderBy="create_time")
        last, _ = user.call(f"List{self.name.capitalize()}", request)
        assert ([*getattr(last, self.name)], last.next_page_token) == ([found], "")

    def test_it_is_replaced_and_deleted(
        self, user: Client, caller: Caller, api: Api, made: Any, body: Callable[[int], dict[str, Any]]
    ) -> None:
        replace, delete = f"Replace{api.one}", f"Delete{api.one}"
        new, _ = user.call(replace, api.request(replace, made.name, made.etag, **body(1)))
        assert new.etag != made.etag
        assert shown(new) == as_message(answered(caller.get(f"/v1/{made.name}")))
        for etag, code in ((made.etag, "PRECONDITION_FAILED"), ("", "PRECONDITION_REQUIRED")):
            failure = user.failure(replace, api.request(replace, made.name, etag, **body(2)))
            assert (failure.code, failure.reason) == (StatusCode.FAILED_PRECONDITION, code)
        failure = user.failure(delete, api.request(delete, made.name, made.etag))
        assert (failure.code, failure.reason) == (StatusCode.FAILED_PRECONDITION, "PRECONDITION_FAILED")
        assert user.failure(delete, api.request(delete, made.name, "?")).violations == [("etag", "INVALID_FORMAT")]
        user.call(delete, api.request(delete, made.name, new.etag))
        assert caller.get(f"/v1/{made.name}").status_code == 404

    def test_an_unknown_one_is_not_found(
        self, user: Client, subject: Subject, api: Api, body: Callable[[int], dict[str, Any]]
    ) -> None:
        name = f"{self.name}/{uuid4()}"
        for method, sent in self._of_one(subject, api, body(0)).items():
            failure = user.failure(method, api.request(method, name, "*", **sent))
            assert (failure.code, failure.reason) == (StatusCode.NOT_FOUND, subject.absent)
            malformed = user.failure(method, api.request(method, "x/y", "*", **sent))
            assert malformed.violations == [("name", "INVALID_FORMAT")]

    def test_another_user_cannot_use_it(
        self, user: Client, other: Client, subject: Subject, api: Api, made: Any, body: Callable[[int], dict[str, Any]]
    ) -> None:
        """Each method, if rows belong to users; otherwise every user with the scope can."""
        if not subject.model.owner:
            assert other.call(f"Get{api.one}", api.request(f"Get{api.one}", made.name))[0] == made
            return
        for method, sent in self._of_one(subject, api, body(1)).items():
            failure = other.failure(method, api.request(method, made.name, "*", **sent))
            assert (failure.code, failure.reason) == (StatusCode.PERMISSION_DENIED, f"NOT_{api.one.upper()}_OWNER")
        listed, _ = other.call(f"List{self.name.capitalize()}", api.request(f"List{self.name.capitalize()}"))
        assert (len(getattr(listed, self.name)), listed.total_size) == (0, 0)
        assert user.call(f"Get{api.one}", api.request(f"Get{api.one}", made.name))[0] == made

    def test_every_write_rejects_invalid_input(
        self, user: Client, subject: Subject, api: Api, made: Any, body: Callable[[int], dict[str, Any]]
    ) -> None:
        """C1: each rule of each property that a message can break, with the violations of JSON."""
        create, replace, valid, broken = f"Create{api.one}", f"Replace{api.one}", body(1), 0
        for sent, expected in subject.invalid(valid):
            try:
                requests = {create: api.request(create, **sent), replace: api.request(replace, made.name, "*", **sent)}
            except json_format.ParseError:
                continue  # the message has no field for such a value
            for method, request in requests.items():
                failure = user.failure(method, request)
                assert (failure.code, failure.violations) == (StatusCode.INVALID_ARGUMENT, [expected])
            broken += 1
        assert broken > 0
        empty = api._takes[create]()
        assert user.failure(create, empty).violations == [(api.one.lower(), "REQUIRED_FIELD")]
        assert user.call(f"Get{api.one}", api.request(f"Get{api.one}", made.name))[0] == made

    def test_an_unknown_reference_is_rejected(
        self, user: Client, subject: Subject, api: Api, body: Callable[[int], dict[str, Any]]
    ) -> None:
        """Of each foreign key."""
        create, replace = f"Create{api.one}", f"Replace{api.one}"
        for number, name in enumerate(subject.references):
            valid = body(2 * number)
            made, _ = user.call(create, api.request(create, **valid))
            for request in (
                api.request(create, **{**body(2 * number + 1), name: str(uuid4())}),
                api.request(replace, made.name, "*", **{**valid, name: str(uuid4())}),
            ):
                method = create if isinstance(request, api._takes[create]) else replace
                assert user.failure(method, request).violations == [(name, "BROKEN_LINK")]

    def test_a_duplicate_is_rejected(
        self, user: Client, subject: Subject, api: Api, made: Any, body: Callable[[int], dict[str, Any]]
    ) -> None:
        """By each unique index, with the error that it names."""
        create, replace = f"Create{api.one}", f"Replace{api.one}"
        taken = json_format.MessageToDict(made, preserving_proto_field_name=True)
        for at, (columns, code) in enumerate(subject.unique_indexes()):
            same = {name: taken[name] for name in columns if name in subject.writable}
            second, _ = user.call(create, api.request(create, **body(2 * at + 1)))
            for failure in (
                user.failure(create, api.request(create, **{**body(2 * at + 2), **same})),
                user.failure(replace, api.request(replace, second.name, "*", **{**body(2 * at + 2), **same})),
            ):
                assert (failure.code, failure.reason) == (StatusCode.ALREADY_EXISTS, code)

    def test_each_state_allows_its_transitions_only(
        self, user: Client, subject: Subject, api: Api, body: Callable[[int], dict[str, Any]]
    ) -> None:
        """Each transition from each state that can be reached, if the resource has a table of transitions."""
        methods, create = subject.transitions, f"Create{api.one}"
        for number, (before, way) in enumerate(subject.ways().items() if methods else ()):
            for at, (name, transition) in enumerate(methods.items()):
                made, _ = user.call(create, api.request(create, **body(number * len(methods) + at)))
                for step in way:
                    made, _ = user.call(api.of_transition(step), api.request(api.of_transition(step), made.name))
                method = api.of_transition(name)
                assert user.failure(method, api.request(method, made.name, STALE)).reason == "PRECONDITION_FAILED"
                request = api.request(method, made.name, made.etag)
                if before in transition.sources:
                    assert getattr(user.call(method, request)[0], subject.state) == transition.target
                    continue
                failure = user.failure(method, request)
                assert (failure.code, failure.reason) == (StatusCode.FAILED_PRECONDITION, transition.error.code)
                assert failure.extensions["state"] == subject.state_name(before)

    def test_an_invalid_list_is_rejected(
        self, user: Client, subject: Subject, api: Api, made: Any, body: Callable[[int], dict[str, Any]]
    ) -> None:
        create, listed = f"Create{api.one}", f"List{self.name.capitalize()}"
        user.call(create, api.request(create, **body(1)))
        page, _ = user.call(listed, api.request(listed, pageSize=1))
        for sent, code in (
            ({"filter": "version = 1"}, "INVALID_FILTER"),
            ({"orderBy": "version"}, "INVALID_ORDER_BY"),
            ({"pageToken": page.next_page_token, "orderBy": "create_time"}, "INVALID_PAGE_TOKEN"),
        ):
            failure: Failure = user.failure(listed, api.request(listed, **sent))
            assert (failure.code, failure.reason) == (StatusCode.INVALID_ARGUMENT, code)

    def _of_one(self, subject: Subject, api: Api, body: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
        """Return the methods that name one, each with the fields of its request."""
        transitions = (api.of_transition(name) for name in subject.transitions)
        empty: Mapping[str, Any] = {}
        return {f"Replace{api.one}": body, **dict.fromkeys((f"Get{api.one}", f"Delete{api.one}", *transitions), empty)}


def shown(message: Message) -> dict[str, Any]:
    """Return a message with the properties of JSON that are not null."""
    found = json_format.MessageToDict(message, preserving_proto_field_name=True)
    name, _ = found.pop("name"), found.pop("etag")
    return {**found, "id": name[-36:], **{key: _instant(value) for key, value in found.items() if key.endswith("time")}}


def as_message(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return a JSON object in the form of ``shown``."""
    known = {key: value for key, value in found.items() if value is not None}
    return {**known, **{key: _instant(value) for key, value in known.items() if key.endswith("time")}}


def _instant(text: str) -> str:
    return text.removesuffix("Z").rstrip("0").rstrip(".")
