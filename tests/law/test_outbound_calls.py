"""Services call clients outside of transactions, and declare that a dependency can fail.

The composition root is the source: a service has a client if one of its attributes is, or contains, an object of
``app.clients``. The text of the service shows where its methods use that attribute.
"""

import ast
import inspect
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from functools import partial
from types import FunctionType, MethodType
from typing import Any, Final, cast

import pytest
from sqlalchemy.orm import Session, scoped_session

from app.config import Settings
from app.errs import Kind, raised_by
from app.services.jobs import JobService
from app.wiring import Services, wire

REMOTE: Final = "http://127.0.0.1:1"
DEPENDENCY: Final = {Kind.EXTERNAL, Kind.UNAVAILABLE, Kind.DEADLINE}
"""Kinds of which a use case that calls a client declares an error."""
RUNS_HANDLERS: Final = (JobService,)
"""A handler of a job is a part of the job's transaction: its writes are committed together with the end of the job."""


@pytest.fixture(scope="module")
def services() -> Services:
    """Return the services with every optional dependency. Nothing is connected."""
    settings = Settings(
        jwt_secret="x" * 32,
        google_client_id="1",
        google_url=REMOTE,
        users_url=REMOTE,  # part: profiles
        preferences_url=REMOTE,  # part: profiles
    )
    return wire(settings, cast("scoped_session[Session]", None), lambda: pytest.fail("a service has connected"))


def found(services: Services) -> Iterator[tuple[object, frozenset[str]]]:
    """Yield every service, and the names of its attributes that have a client."""
    verifiers = services.tokens._external
    for service in (*(getattr(services, each.name) for each in fields(services)), *verifiers):
        if type(service).__module__.startswith("app.services."):
            yield service, frozenset(name for name, value in vars(service).items() if has_client(value))


def has_client(value: object, depth: int = 4) -> bool:
    """Return whether a value is a client, or a function or collection with one."""
    if type(value).__module__.startswith("app.clients."):
        return True
    return depth > 0 and any(has_client(each, depth - 1) for each in _parts(value))


def _parts(value: object) -> Iterator[object]:
    if isinstance(value, partial):
        yield from (value.func, *value.args, *value.keywords.values())
    elif isinstance(value, MethodType):
        yield value.__self__
    elif isinstance(value, FunctionType):
        yield from (cell.cell_contents for cell in value.__closure__ or ())
    elif isinstance(value, dict):
        yield from value.values()
    elif isinstance(value, list | tuple):
        yield from value
    elif is_dataclass(value) and not isinstance(value, type):
        yield from (getattr(value, each.name) for each in fields(value))


class Source:
    """The methods of a service, and which of them use a client."""

    def __init__(self, service: type, clients: frozenset[str]) -> None:
        tree = ast.parse(textwrap.dedent(inspect.getsource(service)))
        self.methods = {each.name: each for each in ast.walk(tree) if isinstance(each, ast.FunctionDef)}
        self._clients = clients

    def use(self, node: ast.AST, seen: frozenset[str] = frozenset()) -> str:
        """Return the first client that a part of a method uses, directly or by another method; or an empty string."""
        for each in ast.walk(node):
            if isinstance(each, ast.Attribute) and isinstance(each.value, ast.Name) and each.value.id == "self":
                if each.attr in self._clients:
                    return each.attr
                inner = self.methods.get(each.attr)
                if inner and each.attr not in seen and (name := self.use(inner, seen | {each.attr})):
                    return name
        return ""

    def transactions(self) -> Iterator[tuple[str, ast.With]]:
        """Yield the blocks of units of work, with the name of their method."""
        for name, method in self.methods.items():
            for node in ast.walk(method):
                if isinstance(node, ast.With) and any("unit_of_work()" in ast.unparse(each) for each in node.items):
                    yield name, node


def sources(services: Services) -> Iterator[tuple[type, Source]]:
    """Yield every service with a client, and its source."""
    for service, clients in found(services):
        if clients:
            yield type(service), Source(type(service), clients)


def test_services_with_clients_are_found(services: Services) -> None:
    assert {service for service, _ in sources(services)} >= {*RUNS_HANDLERS}
    assert has_client(partial(print, key=[{"a": services.clients[0].get}]))
    assert not has_client(services.clock)


def test_no_client_is_called_inside_a_transaction(services: Services) -> None:
    faults = [
        f"{service.__name__}.{method} uses self.{client} inside a unit of work, which holds a connection and row locks"
        f" while the dependency responds: call it before `with self._unit_of_work()`, or queue a job with unit.jobs.add"
        for service, source in sources(services)
        if service not in RUNS_HANDLERS
        for method, block in source.transactions()
        if (client := next(filter(None, map(source.use, block.body)), ""))
    ]
    assert not faults, "\n".join(faults)


def test_a_use_case_that_calls_a_client_declares_that_it_can_fail(services: Services) -> None:
    faults = [
        f"{service.__name__}.{name} uses self.{client}, and declares no error of a dependency: add ExternalServiceError"
        " from app.errs.platform to its @raises, or catch Error and return a fallback"
        for service, source in sources(services)
        if service not in RUNS_HANDLERS
        for name, use_case in use_cases(service)
        if (client := source.use(source.methods[name])) and not DEPENDENCY & {each.kind for each in raised_by(use_case)}
        if not catches(source.methods[name])
    ]
    assert not faults, "\n".join(faults)


def use_cases(service: type) -> Iterator[tuple[str, Callable[..., Any]]]:
    """Yield the methods with ``@raises``."""
    yield from ((name, method) for name, method in vars(service).items() if hasattr(method, "__raises__"))


def catches(method: ast.FunctionDef) -> bool:
    """Return whether a method handles errors of its dependencies."""
    caught = (each.type for each in ast.walk(method) if isinstance(each, ast.ExceptHandler))
    return any(each is not None and ast.unparse(each).endswith("Error") for each in caught)
