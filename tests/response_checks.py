"""Checks of every response of every test (C1–C5, C16)."""

import gzip
import json
import re
from collections.abc import Mapping
from typing import Any, Final
from weakref import WeakKeyDictionary

import jsonschema_rs
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.exceptions import HTTPException
from werkzeug.test import TestResponse

from app import errs
from app.rest import failover, operations
from app.rest.error_statuses import STATUS_OF_CODE
from app.rest.operations import EVERYWHERE
from tests.documents import inlined
from tests.operations_that_ran import record

PROBLEMS: Final[dict[str, list[dict[str, Any]]]] = {}
"""Problem documents that the tests provoked, by code; a test compares the catalogue's examples with them."""
KEPT: Final = 20
REQUIRED: Final = ("type", "title", "status", "instance", "kind", "code", "request_id", "timestamp", "retryable")
LEAKS: Final = re.compile(
    r"Traceback|psycopg|sqlalchemy|SELECT |INSERT |\.py\b|/site-packages|uq_tasks|ck_tasks|SQLSTATE"
)
OF_THE_MESSAGE: Final = frozenset({"Content-Type", "Content-Length", "Date", "Connection", failover.FIELD})
"""Header fields that HTTP has for every message, or that only nginx receives. OpenAPI does not list them."""
UNIVERSAL: Final = frozenset(named.code for named in EVERYWHERE)
"""Errors of requests that reach no operation."""
SERVICE_FAULTS: Final = frozenset({502, 503, 504, 507})
NAMED_FAULTS: Final = frozenset({500, *STATUS_OF_CODE.values()})
"""Statuses that only intended errors have, unless a catalogue code names them."""


class CheckedClient(FlaskClient):
    """Flask's test client, which checks every response. ``allows_500`` is for intended bugs."""

    allows_500 = False

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        """Send a request and check the response."""
        response = super().open(*args, **kwargs)
        check(response, allows_500=self.allows_500)
        _check_declared(self.application, response)
        return response


def check(response: TestResponse, *, allows_500: bool = False) -> None:
    """Assert the rules for every response."""
    status, headers = response.status_code, response.headers
    assert re.fullmatch(r"[A-Za-z0-9._-]{8,128}", headers["X-Request-Id"]), "C16"
    assert headers["Request-Id"] == headers["X-Request-Id"], "C4"
    assert headers["X-Content-Type-Options"] == "nosniff", "C4"
    assert "Server" not in headers or not re.search(r"\d", headers["Server"]), "C4"
    assert "Set-Cookie" not in headers, "no response sets a cookie"
    is_allowed = allows_500 and status in NAMED_FAULTS
    assert status < 500 or status in SERVICE_FAULTS or is_allowed, response.get_data(as_text=True)
    assert ("Retry-After" in headers) <= (status in {429, 503, 409}), "C22"
    if status in {204, 304}:
        assert response.get_data() == b"", "204 and 304 have no body"
    elif status in {401, 403}:
        assert response.get_data() == b"", "C1"
        assert headers["Content-Length"] == "0", "C1"
        assert status == 403 or headers["WWW-Authenticate"].startswith('Bearer realm="candor"'), "C6"
    elif status >= 400:
        _check_problem(response)
    elif status == 201:
        assert headers["Location"].startswith("/"), "C15"
    if (response.mimetype or "").endswith("json") and response.request.method != "HEAD" and response.get_data():
        strict(unpacked(response))


def unpacked(response: TestResponse) -> bytes:
    """Return the body without its content coding."""
    is_packed = response.headers.get("Content-Encoding") == "gzip"
    return gzip.decompress(response.get_data()) if is_packed else response.get_data()


def _check_declared(app: Flask, response: TestResponse) -> None:
    """Assert that OpenAPI lists every header field of a documented operation's response (C12)."""
    environ, method = response.request.environ, response.request.method.replace("HEAD", "GET")
    try:
        rule, _ = app.url_map.bind("").match(environ["PATH_INFO"].encode("latin-1").decode(), method, return_rule=True)
    except (HTTPException, UnicodeDecodeError):
        return
    operation = operations.table(app).get((rule.endpoint, method))
    if operation is not None and response.status_code < 400:
        record(operation)
    template = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule)
    known = _document(app)["paths"].get(template, {}).get(method.lower(), {}).get("responses", {})
    if (answer := known.get(str(response.status_code))) is None:
        return
    fields = {name for name in response.headers.keys() if not name.startswith("Access-Control-")}  # noqa: SIM118 -- a list of pairs
    assert fields - answer["headers"].keys() - OF_THE_MESSAGE == set(), "C12"
    schema = answer.get("content", {}).get(response.mimetype, {}).get("schema")
    is_whole = response.request.method != "HEAD" and "fields" not in environ.get("QUERY_STRING", "")
    if schema is not None and is_whole and (response.mimetype or "").endswith("json"):
        _check_schema(_document(app), template, method, str(response.status_code), schema, unpacked(response))


def _check_schema(
    document: dict[str, Any], template: str, method: str, status: str, schema: dict[str, Any], body: bytes
) -> None:
    """Assert that a body matches the schema in OpenAPI (C12); ``?fields=`` leaves properties out."""
    key = (id(document), template, method, status)
    if key not in _VALIDATORS:
        _VALIDATORS[key] = jsonschema_rs.Draft202012Validator(schema | {"components": document["components"]})
    value = json.loads(body)
    if status >= "4" and value.get("code") in UNIVERSAL:  # before the operation was reached: the introduction lists it
        return
    if fault := next(_VALIDATORS[key].iter_errors(value), None):
        raise AssertionError(f"{method} {template} {status}: {fault.message} at {fault.instance_path}")


_VALIDATORS: Final[dict[tuple[int, str, str, str], Any]] = {}
_DOCUMENTS: Final[WeakKeyDictionary[Flask, dict[str, Any]]] = WeakKeyDictionary()
_OF_VIEWS: Final[dict[frozenset[Any], dict[str, Any]]] = {}
"""OpenAPI documents by routes and views: applications with the same ones share a document, which is slow to build."""


def _document(app: Flask) -> dict[str, Any]:
    """Return the OpenAPI document."""
    if app not in _DOCUMENTS:
        views = frozenset((rule.rule, app.view_functions[rule.endpoint]) for rule in app.url_map.iter_rules())
        if views not in _OF_VIEWS:
            made = app.extensions["flask-smorest"]["apis"][""]["ext_obj"].spec.to_dict()
            _OF_VIEWS[views] = inlined(made)
        _DOCUMENTS[app] = _OF_VIEWS[views]
    return _DOCUMENTS[app]


def _check_problem(response: TestResponse) -> None:
    headers = response.headers
    assert headers["Content-Type"] == "application/problem+json", "C1"
    if failover.FIELD not in headers:  # only nginx receives such a response
        assert headers["Cache-Control"] == "no-store", "C4"
    if response.request.method == "HEAD":
        return
    document = strict(response.get_data())
    assert not (missing := [name for name in REQUIRED if name not in document]), missing
    assert document["status"] == response.status_code, "C1"
    assert document["request_id"] == headers["X-Request-Id"], "C1"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?Z", document["timestamp"]), "C1"
    assert document["type"].endswith("/errors/" + slug_of(document)), "C1"
    is_advised = document["retryable"] and response.status_code in {429, 502, 503, 504}
    assert ("retry" in document) == is_advised, "C1"
    assert str(document.get("retry_after")) == headers.get("Retry-After", "None"), "C1"
    assert ("Allow" in headers) == (response.status_code == 405), "only a 405 has Allow"
    listed = "errors" in document or "failures" in document or "errors" in document.get("example", {})
    assert listed or len(response.get_data()) <= 4096, "C2"
    assert len(document.get("errors", [])) <= 100, "C2"
    assert not LEAKS.search(response.get_data(as_text=True)), "C3"
    if "Simulate-Error" in response.request.headers:
        return  # the example that it would prove is made of it
    seen = PROBLEMS.setdefault(document["code"], [])
    if len(seen) < KEPT:
        seen.append(document)


def slug_of(document: Mapping[str, Any]) -> str:
    """Return the page of an error: of its code, or of its kind if the catalogue has no such code under that kind."""
    named = errs.named_errors().get(document["code"])
    kind = errs.Kind.of(document["kind"])
    return errs.slug((named if named and named.kind is kind else errs.fallback(kind)).code)


def strict(body: bytes) -> dict[str, Any]:
    """Return the JSON of a body: UTF-8, no duplicate members, no NaN."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        assert len({name for name, _ in pairs}) == len(pairs), "duplicate members"
        return dict(pairs)

    def reject(constant: str) -> None:
        raise AssertionError(constant)

    found: dict[str, Any] = json.loads(body.decode("utf-8"), object_pairs_hook=unique, parse_constant=reject)
    return found


def by_field(document: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return the codes of a problem document's violations by field."""
    found: dict[str, list[str]] = {}
    for violation in document["errors"]:
        found.setdefault(violation["field"], []).append(violation["code"])
    return found
