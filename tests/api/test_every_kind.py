"""Every kind, raised through ``E`` alone, and every named status: status, body and header fields match the contract."""

import json
import re
from collections.abc import Callable, Iterator
from http import HTTPStatus
from typing import Any, Final

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from app import errs
from app.errs import E, Error, Kind, declare
from app.rest import operations
from app.rest.blueprint import Blueprint
from app.rest.error_statuses import KIND_OF_STATUS, STATUS_OF_CODE, STATUS_OF_KIND, error_of, status_error
from app.rest.errors import challenge, status_of
from tests.error_kinds import KINDS
from tests.response_checks import CheckedClient

DECLARED: Final = "/test/declared"
PLAIN: Final = "/test/plain"
ROUTES: Final = (DECLARED, PLAIN)
WAITING: Final = {429, 503}
RETRIED: Final = {429, 502, 503, 504}
ALWAYS: Final = {
    "type",
    "title",
    "status",
    "detail",
    "instance",
    "kind",
    "code",
    "request_id",
    "timestamp",
    "retryable",
}
raised: Final[list[BaseException]] = []
"""The exception that the next request raises."""


def fail() -> str:
    """Raise the exception that the test has planted."""
    raise raised[-1]


@pytest.fixture(scope="module")
def failing(make_application: Callable[..., Flask]) -> Flask:
    """Return an application with two routes that fail: one of the service's blueprint, and one of plain Flask."""
    application = make_application()
    blueprint = Blueprint("failing", __name__, scope=operations.PUBLIC, url_prefix="/test")
    blueprint.route("/declared", is_documented=False)(fail)
    application.register_blueprint(blueprint)
    application.add_url_rule(PLAIN, "plain", fail, methods=["GET", "PUT"])
    return application


@pytest.fixture
def send(
    failing: Flask, bearer: Callable[..., dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., TestResponse]]:
    """Return a sender of requests that end with an error, without the check for undeclared errors."""
    monkeypatch.setattr(declare, "WATCHERS", [])
    client = failing.test_client()
    assert isinstance(client, CheckedClient)
    client.allows_500 = True

    def ended(error: BaseException, path: str, method: str = "GET", **request: Any) -> TestResponse:
        raised.append(error)
        return client.open(path, method=method, headers=bearer("root", "admin"), **request)

    yield ended
    raised.clear()


def document_of(response: TestResponse, path: str) -> dict[str, Any]:
    """Return the problem document of a response, after the checks that apply to all."""
    document: dict[str, Any] = json.loads(response.get_data())
    assert response.content_type == "application/problem+json"
    assert document.keys() >= ALWAYS
    assert (document["status"], document["instance"]) == (response.status_code, path)
    assert document["request_id"] == response.headers["X-Request-Id"]
    assert ("retry" in document) == (response.status_code in RETRIED)
    assert str(document.get("retry_after")) == response.headers.get("Retry-After", "None")
    return document


def check_fields(response: TestResponse) -> None:
    """Assert the header fields that every error of a status has, and that no other error has."""
    status, fields = response.status_code, response.headers
    assert fields["Cache-Control"] == "no-store"
    assert fields["X-Content-Type-Options"] == "nosniff"
    assert ("WWW-Authenticate" in fields) == (status == 401)
    assert ("Allow" in fields) == (status == 405)
    assert ("Retry-After" in fields) == (status in WAITING)
    assert status not in WAITING or 1 <= int(fields["Retry-After"]) <= 60


@pytest.mark.parametrize("path", ROUTES)
@pytest.mark.parametrize("kind", Kind, ids=lambda kind: kind.name)
class TestEveryKind:
    """C1–C8."""

    def test_its_response_matches_the_contract(self, send: Callable[..., TestResponse], kind: Kind, path: str) -> None:
        response = send(E("test.fail", kind), path)
        row = KINDS[kind.name]
        assert response.status_code == row.status
        check_fields(response)
        if row.status in {401, 403}:
            assert (response.get_data(), response.headers["Content-Length"]) == (b"", "0")
            assert row.status == 403 or response.headers["WWW-Authenticate"] == 'Bearer realm="candor"'
            return
        document = document_of(response, path)
        shown = Kind.INTERNAL if row.status == 500 else kind
        assert (document["kind"], document["retryable"]) == (KINDS[shown.name].string, KINDS[shown.name].is_retryable)
        assert document["code"] == errs.fallback(kind).code
        assert document["title"] == errs.title(errs.fallback(kind))
        assert document["type"] == f"http://candor.test/errors/{errs.slug(document['code'])}"

    def test_a_code_reaches_the_client_and_its_type_resolves(
        self, send: Callable[..., TestResponse], failing: Flask, kind: Kind, path: str
    ) -> None:
        response = send(E(kind, code="TIDE_TOO_HIGH", message="The tide is too high."), path)
        assert response.status_code == KINDS[kind.name].status
        check_fields(response)
        if response.status_code in {401, 403}:
            return
        document = document_of(response, path)
        is_hidden = response.status_code == 500
        assert document["code"] == ("INTERNAL_ERROR" if is_hidden else "TIDE_TOO_HIGH")
        assert (document["detail"] == "The tide is too high.") is not is_hidden
        page = failing.test_client().get(document["type"].removeprefix("http://candor.test"))
        assert (page.status_code, page.get_json()["code"]) == (200, errs.fallback(kind).code)
        assert document["title"] == page.get_json()["title"]


class TestFacts:
    """Members of a response with a status beyond its text, if ``E`` has no context for it."""

    def test_a_405_lists_the_other_methods_of_the_path(self, send: Callable[..., TestResponse]) -> None:
        response = send(E(Kind.METHOD_NOT_ALLOWED), PLAIN)
        assert response.headers["Allow"] == "OPTIONS, PUT"
        document = document_of(response, PLAIN)
        assert (document["method"], document["allowed"]) == ("GET", ["OPTIONS", "PUT"])
        assert send(E(Kind.METHOD_NOT_ALLOWED), PLAIN, "PUT").headers["Allow"] == "GET, HEAD, OPTIONS"

    def test_a_405_lists_the_methods_that_the_error_allows(self, send: Callable[..., TestResponse]) -> None:
        response = send(E(Kind.METHOD_NOT_ALLOWED, allowed={"PATCH", "GET"}), PLAIN, "PUT")
        assert response.headers["Allow"] == "GET, PATCH"

    def test_a_415_lists_the_supported_media_types_if_known(self, send: Callable[..., TestResponse]) -> None:
        response = send(E(Kind.UNSUPPORTED_MEDIA_TYPE, supported=["text/csv"]), PLAIN, "PUT")
        assert response.headers["Accept"] == "text/csv"
        assert document_of(response, PLAIN)["supported"] == ["text/csv"]
        response = send(E(Kind.UNSUPPORTED_MEDIA_TYPE), PLAIN, "PUT")
        assert not {"Accept", "Accept-Post", "Accept-Patch"} & {*response.headers.keys()}

    def test_a_406_lists_the_media_types_of_the_operation(self, send: Callable[..., TestResponse]) -> None:
        assert document_of(send(E(Kind.NOT_ACCEPTABLE), DECLARED), DECLARED)["available"] == ["application/json"]
        assert "available" not in document_of(send(E(Kind.NOT_ACCEPTABLE), PLAIN), PLAIN)

    @pytest.mark.parametrize("path", ROUTES)
    def test_a_504_contains_the_budget_and_the_stage(self, send: Callable[..., TestResponse], path: str) -> None:
        document = document_of(send(E(Kind.DEADLINE), path), path)
        assert (document["budget_ms"], document["spent_in"]) == (10000, "service")

    def test_an_error_includes_the_context_of_its_cause(self, send: Callable[..., TestResponse]) -> None:
        """C1: each variable of the detail is a member."""
        inner = errs.platform.DeadlineExceeded(budget_ms=50, spent_in="database")
        document = document_of(send(E("tasks.get", inner), PLAIN), PLAIN)
        assert (document["budget_ms"], document["spent_in"]) == (50, "database")
        response = send(E("tasks.get", errs.platform.MethodNotAllowed(method="GET", allowed=["PUT"])), PLAIN)
        assert response.headers["Allow"] == "PUT"

    @pytest.mark.parametrize(
        ("error", "expected"),
        [
            (
                E(Kind.UNAUTHENTICATED, description='not "good"\r\nX: é'),
                'Bearer realm="candor", error="invalid_token", error_description="not ?good???X: ?"',
            ),
            (
                E("tasks.get", errs.access.InvalidToken(description="The token has expired")),
                'Bearer realm="candor", error="invalid_token", error_description="The token has expired"',
            ),
            (
                E(Kind.UNAUTHORIZED, scope=["tasks", "account"]),
                'Bearer realm="candor", error="insufficient_scope", scope="tasks account"',
            ),
            (E(Kind.UNAUTHENTICATED, scope="tasks"), 'Bearer realm="candor"'),
            (E(Kind.UNAUTHORIZED, description="no"), None),
            (E("tasks.get", errs.tasks.NotTaskOwner()), None),
        ],
    )
    def test_a_challenge_contains_the_context_of_the_error(
        self, send: Callable[..., TestResponse], error: Error, expected: str | None
    ) -> None:
        """C6–C8."""
        response = send(error, PLAIN)
        assert (response.get_data(), response.headers.get("WWW-Authenticate")) == (b"", expected)

    def test_the_realm_of_a_challenge_comes_from_the_error(self) -> None:
        assert challenge(E(Kind.UNAUTHENTICATED, realm="vault")) == 'Bearer realm="vault"'

    def test_the_wait_of_the_error_becomes_retry_after(self, send: Callable[..., TestResponse]) -> None:
        response = send(E(Kind.UNAVAILABLE, retry_after=30), PLAIN)
        assert (response.headers["Retry-After"], document_of(response, PLAIN)["retry_after"]) == ("30", 30)

    def test_context_of_an_undeclared_type_is_left_out(self, send: Callable[..., TestResponse]) -> None:
        document = document_of(send(E(Kind.RATE_LIMITED, limit=object(), window_seconds="x"), PLAIN), PLAIN)
        assert not {"limit", "window_seconds"} & document.keys()


class TestNamedStatuses:
    """Statuses without their own kind."""

    @pytest.mark.parametrize("path", ROUTES)
    @pytest.mark.parametrize("code", STATUS_OF_CODE)
    def test_each_has_a_code_and_a_page(
        self, send: Callable[..., TestResponse], failing: Flask, code: str, path: str
    ) -> None:
        named = errs.named_errors()[code]
        for error in (named(), E("test.fail", named.kind, code=code), E("test.fail", named())):
            response = send(error, path)
            assert response.status_code == STATUS_OF_CODE[code]
            document = document_of(response, path)
            assert (document["code"], document["title"]) == (code, errs.title(named))
            assert document["kind"] == named.kind.string
            page = failing.test_client().get(document["type"].removeprefix("http://candor.test"))
            assert (page.get_json()["code"], page.get_json()["status"]) == (code, response.status_code)

    @pytest.mark.parametrize("status", [each for each in HTTPStatus if each >= 400])
    def test_every_status_has_a_default_error(self, status: HTTPStatus) -> None:
        assert status_of(status_error(status)) == status
        assert status_of(error_of(status)) == status

    def test_a_kind_may_have_any_of_its_statuses(self) -> None:
        assert {status: STATUS_OF_KIND[kind].value for status, kind in KIND_OF_STATUS.items()} == {
            status: status for status in KIND_OF_STATUS
        }
        assert set(KIND_OF_STATUS) == {status.value for status in STATUS_OF_KIND.values()}

    @pytest.mark.parametrize(
        ("status", "kind"), [(420, Kind.INVALID_REQUEST), (499, Kind.INVALID_REQUEST), (520, Kind.UNAVAILABLE)]
    )
    def test_the_code_of_an_unknown_status_has_its_number(self, status: int, kind: Kind) -> None:
        error = error_of(status, "Enhance your calm.")
        assert (error.kind, errs.public_code(error), errs.definition(error)) == (
            kind,
            f"HTTP_{status}",
            errs.fallback(kind),
        )

    def test_a_description_is_for_clients_below_500_and_for_the_log_from_500_on(self) -> None:
        """C3."""
        assert (error_of(410, "Moved.").message, error_of(410, "Moved.").detail) == ("Moved.", None)
        assert (error_of(501, "Not yet.").message, error_of(501, "Not yet.").detail) == ("", "Not yet.")

    def test_a_code_of_a_status_has_no_effect_under_another_kind(self, send: Callable[..., TestResponse]) -> None:
        response = send(E(Kind.CONFLICT, code="GONE"), PLAIN)
        document = document_of(response, PLAIN)
        assert (response.status_code, document["code"]) == (409, "GONE")
        assert document["type"].endswith("/errors/edit-conflict")


def test_metric_labels_do_not_contain_codes_of_e_calls(send: Callable[..., TestResponse]) -> None:
    """The label is the code of the definition."""
    from app.observability import metrics

    send(E(Kind.CONFLICT, code="ONLY_ONCE_8C1B2C1E"), PLAIN)
    labels = {sample.labels["code"] for family in metrics.ERRORS.collect() for sample in family.samples}
    assert "EDIT_CONFLICT" in labels
    assert not {label for label in labels if re.search("ONLY_ONCE|TIDE", label)}
