"""Memory that requests fill is bounded: every cache has a maximum size, and so has each of its entries.

Three checks. The first searches the source for unbounded caches and for containers that live as long as their module
or class. The second sends new values of every parameter and header field, and watches all containers of the process:
a container that grows with each of two bursts is unbounded, or listed here. The third sends long values, and measures
their memory and CPU time.
"""

import ast
import gc
import logging
import re
import time
import tracemalloc
import uuid
from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterator
from functools import _lru_cache_wrapper
from typing import Any, Final

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.config import ROOT
from app.rest import scopes

pytestmark = pytest.mark.slow

BOUNDED_OTHERWISE: Final = {
    "app/errs/declare.py: WATCHERS": "of the process, filled when modules load",
    "app/errs/error.py: example": "never filled: the default of a class",
    "app/errs/error.py: declared_facts": "as above",
    "app/errs/violation_catalogue.py: _CODES": "of the process, filled when modules load",
    "app/observability/active_requests.py: _active": "one of each thread, taken out when the request ends",
    "app/observability/logs.py: WATCHERS": "of the process, filled when modules load",
    "app/observability/unforeseen_exceptions.py: REPORTERS": "of the process, filled when it starts to serve",
    "app/observability/metrics.py: FIELDS": "the members of schemas",
    "app/observability/metrics.py: _kinds": "the kinds of jobs",
    "app/observability/metrics.py: _counters": "errors of the catalogue",
    "app/observability/metrics.py: _breaches": "members of schemas, and codes",
    "app/observability/metrics.py: _observers": "routes, known methods and statuses",
    "app/rate_limiting/view_names.py: _CLAIMED": "applications, held weakly",
    "app/rate_limiting/view_names.py: _TAKEN": "names of settings and functions, claimed when limits are declared",
    "app/resilience/cpu_pinning.py: _claims": "one of the process",
    "app/models/roles.py: ROLES": "filled by the code of a fork only",
    "app/rest/request.py: listing": "never filled: the default of a class",
    "app/wire/request_ids.py: _DRAWN": "64 at once, taken out one by one",
}
"""Long-lived containers, and why they stay small. The burst below does not fill them either."""
MAKERS: Final = frozenset(
    {"dict", "list", "set", "deque", "defaultdict", "OrderedDict", "Counter", "WeakKeyDictionary"}
)


def sources() -> Iterator[tuple[str, ast.Module]]:
    for folder in ("app", "deploy"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield path.relative_to(ROOT).as_posix(), ast.parse(path.read_text())


def name_of(node: ast.expr) -> str:
    """Return the last name of a called or subscripted expression: ``cache`` for ``functools.cache``."""
    if isinstance(node, ast.Call | ast.Subscript):
        return name_of(node.func if isinstance(node, ast.Call) else node.value)
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def has_bound(decorator: ast.expr) -> bool:
    """Return whether ``lru_cache`` has a size, or is used without a call: then its size is 128."""
    if not isinstance(decorator, ast.Call):
        return True
    given = [*decorator.args[:1], *(each.value for each in decorator.keywords if each.arg == "maxsize")]
    return not any(isinstance(each, ast.Constant) and each.value is None for each in given)


def test_caches_of_functions_with_arguments_are_bounded() -> None:
    """``functools.cache`` is for functions without arguments."""
    found = []
    for path, module in sources():
        for node in ast.walk(module):
            for decorator in getattr(node, "decorator_list", ()):
                name = name_of(decorator)
                takes = isinstance(node, ast.FunctionDef) and any(ast.iter_child_nodes(node.args))
                if (name == "cache" and takes) or (name == "lru_cache" and not has_bound(decorator)):
                    found.append(f"{path}: {node.name}")  # type: ignore[attr-defined]  # decorated nodes have a name
    assert found == []


def test_no_container_of_a_module_or_class_starts_empty() -> None:
    """Requests could fill it later. ``BoundedCache``, ``StaleCache`` and ``InMemoryRateLimitStore`` are bounded."""
    found = []
    for path, module in sources():
        scopes: list[ast.Module | ast.ClassDef] = [module]
        scopes += [node for node in ast.walk(module) if isinstance(node, ast.ClassDef)]
        for statement in (each for scope in scopes for each in scope.body):
            if isinstance(statement, ast.Assign | ast.AnnAssign) and is_empty(statement.value):
                targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
                found += [f"{path}: {name_of(each)}" for each in targets]
    filled = {"app/models/roles.py: ROLES"}  # where a fork has roles
    assert {*found} | filled == {*BOUNDED_OTHERWISE}


def is_empty(value: ast.expr | None) -> bool:
    if isinstance(value, ast.Call):
        return name_of(value) in MAKERS and not value.args and not value.keywords
    if isinstance(value, ast.Dict):
        return not value.keys
    return isinstance(value, ast.List | ast.Set) and not value.elts


BURST: Final = 40
FULL: Final = {2**power for power in range(8, 14)}
"""Sizes of caches that reach their limit during the burst; caches of other sizes rarely stop growing there."""
FORMATTED: Final = re.compile(r"(DEBUG|INFO|WARNING|ERROR) +candor\.")
"""The start of the text of a log record that pytest keeps."""
WITH_BOUND: Final = "lru_cache with a bound"
BOUNDED: Final = (WITH_BOUND, "InMemoryRateLimitStore", "BoundedCache", "StaleCache", "LRUCache", "PrepareManager")
"""Classes whose containers have their own limit, above the size of a burst; their own tests check it."""


def burst(client: FlaskClient, app: Flask, credentials: dict[str, str]) -> None:
    """Send a value that was never sent before for every parameter and header field of every operation.

    The burst includes valid requests, each with one new value: only these reach the code behind validation.
    """
    for number in range(BURST):
        for path, method in TARGETS:
            new = uuid.uuid4().hex
            client.open(
                path.replace("NEW", str(uuid.uuid4())),
                method=method,
                query_string={**dict.fromkeys(QUERY, new), "fields": subset(number, new), new: new},
                json={"task": {"title": new, new: new}, "email": f"{new}@example.com", "token": new, new: new},
                headers={**credentials, **fields(new)},
                environ_overrides={"REMOTE_ADDR": f"2001:db8:{new[:4]}:{new[4:8]}::1"},
            )
        for query in valid_queries(number):
            response = client.get("/v1/tasks", query_string=query, headers={**credentials, **valid_fields()})
            assert response.status_code == 200, response.text
        body = {"task": {"title": uuid.uuid4().hex, "tags": [uuid.uuid4().hex]}}
        response = client.post("/v1/tasks", json=body, headers={**credentials, **valid_fields()})
        assert response.status_code == 201, response.text


TARGETS: Final = (
    ("/v1/tasks", "GET"),
    ("/v1/tasks", "POST"),
    ("/v1/tasks/NEW", "GET"),
    ("/v1/tasks/NEW", "PATCH"),
    ("/v1/orders", "GET"),
    ("/v1/movies/NEW", "GET"),
    ("/v1/tokens:revoke", "POST"),
    ("/v1/users/NEW/profile", "GET"),
    ("/v1/NEW", "GET"),
    ("/errors/NEW", "GET"),
    ("/v1/tasks", "NEW"),
)
QUERY: Final = ("filter", "order_by", "page_token", "page_size", "update_mask", "expand")
MEMBERS: Final = ("name", "title", "description", "status", "priority", "due_date", "create_time", "tags")


def subset(number: int, new: str) -> str:
    """Return members of a task, a different selection each time; every other selection has an unknown member."""
    chosen = [name for at, name in enumerate(MEMBERS) if number >> at & 1] or ["title"]
    return ",".join(chosen if number % 2 else [*chosen, new])


def valid_queries(number: int) -> Iterator[dict[str, str]]:
    """Yield valid queries of a list of tasks, each with a different new value."""
    new = uuid.uuid4().hex
    yield {"fields": subset(2 * number + 1, new)}
    yield {"fields": subset(2 * number + 1, new), "filter": f'title = "{new}"'}
    yield {"filter": " AND ".join([f'tags:"{new}"'] * (number % 20 + 1))}
    yield {"page_size": str(number + 1), "order_by": "title"}


def valid_fields() -> dict[str, str]:
    """Return valid header fields with new values, without preconditions."""
    return {name: value for name, value in fields(uuid.uuid4().hex).items() if not name.startswith("If-")}


def fields(new: str) -> dict[str, str]:
    return {
        "Accept": f"application/json;a={new}, application/{new}, */*;q=0.1",
        "Accept-Language": new,
        "Cookie": f"{new}={new}",
        "Idempotency-Key": new,
        "If-Match": f'"1-{new[:8]}"',
        "If-None-Match": f'"2-{new[:8]}"',
        "Origin": f"https://{new}.example",
        "Prefer": f"respond-async, wait={new}",
        "Request-Timeout": "9." + str(int(new, 16)),
        "Traceparent": f"00-{new}-{new[:16]}-01",
        "User-Agent": new,
        "X-Forwarded-For": f"203.0.113.7, {new}",
        "X-Request-Id": new,
        f"X-{new}": new,
    }


def containers() -> list[Any]:
    """Return every container of the process: the collector tracks no dict of strings, but its referrers are tracked."""
    gc.collect()
    tracked, kinds = gc.get_objects(), (dict, list, set, deque, OrderedDict, defaultdict)
    referents = gc.get_referents(*tracked)
    found = {id(each): each for each in (*tracked, *referents) if type(each) in kinds}
    return [each for each in found.values() if each is not tracked and each is not referents]


def sizes() -> dict[int, int]:
    """Return the length of every container of the process by its identity."""
    return {id(each): len(each) for each in containers()}


def owner(container: object) -> str:
    """Return the classes that hold a container, directly or by their attributes."""
    holders = gc.get_referrers(container)
    around = [each for holder in holders if type(holder) is dict for each in gc.get_referrers(holder)]
    return " ".join(
        sorted({type(each).__name__ for each in (*holders, *around)} | {WITH_BOUND for _ in bounded(holders)})
    )


def bounded(holders: list[Any]) -> Iterator[object]:
    """Yield the functions whose results ``lru_cache`` keeps, as many as its size."""
    for each in holders:
        if isinstance(each, _lru_cache_wrapper) and each.cache_parameters()["maxsize"] is not None:
            yield each


def is_of_pytest(container: object) -> bool:
    """Return whether it is a list of captured log records or of their texts."""
    first = container[0] if isinstance(container, list) and container else None
    return isinstance(first, logging.LogRecord) or (isinstance(first, str) and FORMATTED.match(first) is not None)


@pytest.fixture
def unfrozen() -> Iterator[None]:
    """Make the collector track the containers of modules, which ``tests.distributed`` has frozen."""
    gc.unfreeze()
    yield
    gc.collect()
    gc.freeze()


@pytest.mark.usefixtures("unfrozen")
@pytest.mark.nightly
def test_new_values_of_every_parameter_fill_no_container(app: Flask, bearer: Callable[..., dict[str, str]]) -> None:
    client, credentials = FlaskClient(app, app.response_class), bearer("caches", scopes=SCOPES)
    burst(client, app, credentials)
    before = sizes()
    burst(client, app, credentials)
    between = sizes()
    burst(client, app, credentials)
    after = sizes()
    grown = {
        each
        for each, size in after.items()
        if size - between.get(each, size) >= BURST / 2 and between[each] - before.get(each, between[each]) >= BURST / 2
    }
    found = [
        f"{type(each).__name__} of {len(each)}, in {holders}: {str(next(iter(each), None))[:200]}"
        for each in containers()
        if id(each) in grown
        and not is_of_pytest(each)
        and len(each) not in FULL
        and not any(name in (holders := owner(each)) for name in BOUNDED)
    ]
    assert found == []


SCOPES: Final = " ".join(sorted(scopes.SCOPES))


def test_the_burst_gets_normal_responses(app: Flask, bearer: Callable[..., dict[str, str]]) -> None:
    """No request is rejected before it reaches code that could store its values."""
    client, credentials = FlaskClient(app, app.response_class), bearer("caches", scopes=SCOPES)
    for members, status in (("title,status", 200), ("title,nonsense", 400)):
        assert client.get(f"/v1/tasks?fields={members}", headers=credentials).status_code == status


LONG: Final = 128 * 1024
"""Characters of a header field that is sent in many lines; the server joins them."""
ELEMENTS: Final = (
    "a/b;c=d,",
    "*,",
    '"1-0-12345678",',
    '"",',
    ",",
    " ,",
    "gzip;q=0.1, ",
    "203.0.113.7, ",
    "k=v; ",
    "a",
    " ",
)
KEPT: Final = 4 * 1024 * 1024
"""Maximum number of bytes kept of 100 requests with 17 MB of header fields."""
QUICK: Final = 0.3
"""CPU seconds for a request with a field of that length, including the remainder of the request."""
NEW: Final = "1f" * 16
LISTED: Final = tuple(sorted({*fields(NEW), "Accept-Encoding", "Cache-Control", "If-Range", "Range"} - {f"X-{NEW}"}))


def opened(client: FlaskClient, path: str, credentials: dict[str, str], name: str, text: str) -> float:
    """Send a request, and return its CPU time in seconds."""
    key = f"HTTP_{name.upper().replace('-', '_')}"
    began = time.thread_time()
    response = client.get(path, headers=credentials, environ_overrides={key: text, "REMOTE_ADDR": "127.0.0.1"})
    spent = time.thread_time() - began
    assert response.status_code < 500
    return spent


def test_long_values_are_not_kept(app: Flask, bearer: Callable[..., dict[str, str]]) -> None:
    client, credentials = FlaskClient(app, app.response_class), bearer("caches", scopes=SCOPES)

    def send(number: int) -> None:
        for name in LISTED:
            opened(client, "/v1/tasks", credentials, name, f"a/b{number}-{name}," + "a/b;c=d," * (LONG // 8))
        client.post("/v1/tasks", headers=credentials, json={"task": {f"{number}" + "x" * LONG: 1}}).close()

    send(0)
    tracemalloc.start()
    try:
        for number in range(1, 9):
            send(number)
        gc.collect()
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < KEPT


@pytest.mark.parametrize("name", LISTED)
def test_a_long_value_is_read_quickly(app: Flask, bearer: Callable[..., dict[str, str]], name: str) -> None:
    client, credentials = FlaskClient(app, app.response_class), bearer("caches", scopes=SCOPES)
    for path in ("/v1/tasks", f"/v1/tasks/{uuid.uuid4()}", "/errors"):
        for each in ELEMENTS:
            spent: list[float] = []
            while len(spent) < 5 and not any(
                seconds < QUICK for seconds in spent
            ):  # garbage of earlier tests may slow one of them
                spent.append(opened(client, path, credentials, name, each * (LONG // len(each))))
            assert min(spent) < QUICK, (path, each, spent)
