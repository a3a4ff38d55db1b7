"""Unsupported uses of a blueprint are rejected when the module loads, with a message that contains the alternative."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any, cast

import marshmallow as ma
import pytest
from flask.views import MethodView

from app import errs
from app.rest import operations, scopes
from app.rest.blueprint import Blueprint
from app.rest.conditional import conditional
from app.rest.idempotency import once
from app.wire.schemas.base import Schema


class PetSchema(Schema):
    """A pet."""


class Undeclared:
    """A use case without ``@raises``."""

    def get(self) -> None:
        """Do nothing."""


@pytest.fixture
def blp() -> Blueprint:
    """Return a blueprint."""
    return Blueprint("pets", __name__, scope=operations.PUBLIC, url_prefix="/pets")


def view(*_: object, **__: object) -> None:
    """Do nothing."""


def another() -> None:
    """Do nothing either."""


class Pets(MethodView):
    """Pets."""

    def get(self) -> None:
        """Do nothing."""


class WithOptions(MethodView):
    """A view for OPTIONS."""

    def options(self) -> None:
        """Do nothing."""


class WithHead(MethodView):
    """A view for HEAD."""

    def get(self) -> None:
        """Do nothing."""

    def head(self) -> None:
        """Do nothing."""


class Nothing(MethodView):
    """A view without methods."""


Attempt = Callable[[Blueprint], Any]
REJECTED: list[tuple[Attempt, str]] = [
    (lambda _: Blueprint("pets", __name__, scope="pest"), "the scope 'pest' is unknown: use one of account, admin, "),
    (lambda _: Blueprint("pets", __name__, scope="tasks", scope_to_write="pest"), "the scope 'pest' is unknown"),
    (lambda blp: blp.route("/", methods="POST")(view), r'methods is a list of names, such as methods=\["POST"\]'),
    (
        lambda blp: blp.route("/", methods=["OPTIONS"])(view),
        "view cannot handle OPTIONS: OPTIONS is handled for every",
    ),
    (lambda blp: blp.route("/", methods=["HEAD"])(view), "view cannot handle HEAD: the handler of GET handles HEAD"),
    (lambda blp: blp.route("/", methods=["TRACE"])(view), "view cannot handle TRACE: TRACE is not supported"),
    (lambda blp: blp.route("/")(WithOptions), "WithOptions cannot handle OPTIONS"),
    (lambda blp: blp.route("/")(WithHead), "WithHead cannot handle HEAD"),
    (lambda blp: blp.route("/")(Nothing), "Nothing handles no method: define get, post, put, patch or delete"),
    (lambda blp: blp.route("/", methods=["PUT"])(Pets), "Pets has no method put"),
    (lambda blp: blp.route("/")(PetSchema), "PetSchema is not a view: derive it from flask.views.MethodView"),
    (
        lambda blp: blp.add_url_rule("/"),
        "a view is a function or a class derived from flask.views.MethodView, not N",
    ),
    (lambda blp: blp.route("/", default={})(view), "route does not support default. Supported: alias, build_only, d"),
    (
        lambda blp: blp.route("/", limit="5 per minute")(view),
        "limit is the name of a setting, such as 'TOKEN_RATE_LIMI",
    ),
    (lambda blp: blp.arguments(PetSchema, location="body"), "the location 'body' is not supported: use one of json, "),
    (lambda blp: blp.arguments(PetSchema, location="json_or_form"), "the location 'json_or_form' is not supported"),
    (
        lambda blp: blp.arguments(PetSchema, validate=len),
        "arguments does not take validate: write a method with @valid",
    ),
    (
        lambda blp: blp.arguments(PetSchema, unknown=ma.EXCLUDE),
        "arguments does not take unknown: set unknown in the sc",
    ),
    (
        lambda blp: blp.arguments(PetSchema, error_status_code=409),
        "does not take error_status_code: every violation returns",
    ),
    (
        lambda blp: blp.arguments(PetSchema, error_headers={}),
        "arguments does not take error_headers: set header fields",
    ),
    (lambda blp: blp.arguments(PetSchema, req=None), "arguments does not take req: the request is always the current "),
    (lambda blp: blp.arguments(PetSchema, loaction="query"), "arguments does not take loaction: omit it"),
    (lambda blp: blp.arguments(view), "arguments takes a schema class, a schema instance or a dict of fields, not"),
    (lambda blp: blp.arguments(PetSchema, as_kwargs=True, arg_name="x"), "as_kwargs and arg_name are mutually"),
    (lambda blp: blp.arguments(PetSchema, example={}, examples={}), "example and examples are mutually exclusive"),
    (
        lambda blp: blp.arguments(PetSchema, location="query", content_type="a/b"),
        "content_type is for a body, and the ",
    ),
    (
        lambda blp: blp.arguments(PetSchema, location="form", content_type="a/b"),
        "the location 'form' reads application/",
    ),
    (lambda blp: blp.arguments(PetSchema)(blp.arguments(PetSchema)(view)), r"view reads the body twice \(json, json\)"),
    (lambda blp: blp.arguments(PetSchema, location="form")(blp.arguments(PetSchema)(view)), r"twice \(json, form\)"),
    (
        lambda blp: blp.arguments({"q": ma.fields.String()}, location="query")(
            blp.arguments({"q": ma.fields.String()}, location="query")(view)
        ),
        "view has two query schemas with q: remove it from one",
    ),
    (
        lambda blp: blp.arguments({}, location="query", arg_name="x")(blp.arguments({}, arg_name="x")(view)),
        "view has two arguments with arg_name='x': rename one of them",
    ),
    (lambda blp: blp.response(299), "299 is not an HTTP status"),
    (lambda blp: blp.response("ok"), "'ok' is not an HTTP status"),
    (lambda blp: blp.response(200, view), "response takes a schema class or instance, not"),
    (lambda blp: blp.response(200, example={}, examples={}), "example and examples are mutually exclusive"),
    (
        lambda blp: blp.alt_response(404, errs.tasks.TaskTitleTaken),
        "TaskTitleTaken has the status 409, not 404",
    ),
    (
        lambda blp: blp.alt_response(409, ValueError),
        "<class 'ValueError'> is not an error: declare classes of app.errs",
    ),
    (
        lambda blp: blp.raises(cast("Any", ValueError)),
        "<class 'ValueError'> is not an error: declare classes of app.errs, such as ",
    ),
    (lambda blp: blp.raises(cast("Any", 410)), "410 is not an error: declare classes of app.errs"),
    (
        lambda blp: blp.raises(errs.Error),
        "Error is not in the catalogue: define it in a module of app/errs that app/er",
    ),
    (lambda blp: blp.calls(Undeclared.get)(view), "Undeclared.get does not declare its errors"),
    (
        lambda blp: blp.paginate(),
        "paginate of flask-smorest is not supported: describe the query with a subclass of Li",
    ),
    (lambda blp: blp.paginate(page=1), "paginate of flask-smorest is not supported"),
    (lambda blp: blp.etag(view), "etag of flask-smorest is not supported: put @conditional"),
    (lambda blp: blp.check_etag({}), "etag of flask-smorest is not supported"),
    (lambda blp: blp.set_etag({}, PetSchema), "etag of flask-smorest is not supported"),
    (
        lambda _: type("Own", (Blueprint,), {"ARGUMENTS_PARSER": None}),
        "ARGUMENTS_PARSER of flask-smorest is not supported: describe the arguments with schemas",
    ),
]


@pytest.mark.parametrize(("attempt", "says"), REJECTED)
def test_it_is_rejected(blp: Blueprint, attempt: Attempt, says: str) -> None:
    with pytest.raises(TypeError, match=says) as found:
        attempt(blp)
    assert "\n" not in str(found.value)


DECORATORS: list[Callable[[Blueprint], Any]] = [
    lambda blp: blp.arguments(PetSchema),
    lambda blp: blp.response(HTTPStatus.OK, PetSchema),
    lambda blp: blp.alt_response(404, "NOT_FOUND"),
    lambda blp: blp.doc(summary="x"),
    lambda blp: blp.raises(errs.tasks.TaskNotFound),
    lambda _: conditional(()),
    lambda _: once,
]


@pytest.mark.parametrize("decorator", DECORATORS)
def test_route_must_be_the_topmost_decorator(blp: Blueprint, decorator: Callable[[Blueprint], Any]) -> None:
    def pet() -> None:
        """Do nothing."""

    routed = blp.route("/")(pet)
    with pytest.raises(TypeError, match="route must be the topmost decorator of pet"):
        decorator(blp)(routed)


@pytest.mark.parametrize("decorator", DECORATORS)
def test_a_class_is_decorated_method_by_method(blp: Blueprint, decorator: Callable[[Blueprint], Any]) -> None:
    with pytest.raises(TypeError, match="Pets is a class: use only route on it"):
        decorator(blp)(Pets)


class TestEndpoints:
    """Each view has its own endpoint, and each method of a path has one handler."""

    def test_two_views_of_one_name_are_rejected(self, blp: Blueprint) -> None:
        blp.route("/a")(another)

        def other() -> None:
            """Do nothing."""

        other.__name__ = "another"
        with pytest.raises(
            TypeError, match="pets already has an endpoint 'another': rename the view, or pass endpoint="
        ):
            blp.route("/b")(other)

    def test_a_repeated_endpoint_is_rejected(self, blp: Blueprint) -> None:
        blp.route("/a", endpoint="x")(another)
        with pytest.raises(TypeError, match="pets already has an endpoint 'x'"):
            blp.route("/b", endpoint="x")(another)

    def test_two_handlers_of_one_method_of_a_path_are_rejected(self, blp: Blueprint) -> None:
        blp.route("/a", methods=["GET", "PUT"])(another)
        with pytest.raises(TypeError, match="pets already has a handler of PUT /a: the second is never called"):
            blp.route("/a", methods=["PUT"], endpoint="x")(another)


class TestScopes:
    """The list of scopes."""

    def test_a_scope_can_be_added(self) -> None:
        scopes.add("zoo:read")
        assert Blueprint("zoo", __name__, scope="zoo:read").scope == "zoo:read"
        scopes.SCOPES.remove("zoo:read")

    @pytest.mark.parametrize("name", ["", "a b", 'a"b', "ä"])
    def test_an_invalid_scope_is_rejected(self, name: str) -> None:
        with pytest.raises(ValueError, match="a scope is printable ASCII without blanks"):
            scopes.add(name)
