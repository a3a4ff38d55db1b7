"""Every list uses all of its query, and sends as many statements for many rows as for a few."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from app.extensions import db
from app.rest import operations
from app.wire.schemas.lists import ListRules, ListSchema
from tests.api.caller import Caller, answered
from tests.response_checks import CheckedClient
from tests.samples import BODIES, PREREQUISITES, numbered, path_of, prepared
from tests.sent_statements import sent_by

FEW: Final = 2
MANY: Final = 5
MOST_PAGES: Final = 20
COMMON: Final = frozenset({"filter", "order_by", "page_size", "page_token", "fields"})
NONE: Final = {
    "a quoted text": '{} = "no-such-value"',
    "a quoted timestamp like 2027-01-31T12:00:00Z": '{} > "2999-01-01T00:00:00Z"',
    "a whole number": "{} > 9000000000000000000",
}
"""A comparison that no row matches, by the description of the type."""
INSTEAD: Final = (
    "pass listing.query(page_tokens(), caller=principal().id) from the handler to the service, and that query to"
    " listing.page in the repository"
)


@dataclass(frozen=True)
class List:
    """A list, its rules, and an admin who creates its items."""

    name: str
    rules: ListRules
    schema: type[ListSchema]
    admin: Caller
    app: Flask

    @property
    def creation(self) -> str:
        """The operation that creates an item."""
        return self.name.replace("GET ", "POST ", 1)

    def fill(self, count: int, *, after: int = 0) -> None:
        """Create items until there are ``count``, ``after`` of which exist."""
        members = prepared(self.app, self.creation) if self.creation in BODIES else {}
        for number in range(after, count):
            if self.creation in BODIES:
                body = numbered(self.creation, number) | members
                answered(self.admin.post(path_of(self.creation), json=body), 201)
            else:
                prepared(self.app, self.name)

    def get(self, **query: object) -> TestResponse:
        """Request a page."""
        return self.admin.get(path_of(self.name), query_string=query)

    def page(self, **query: object) -> tuple[list[dict[str, Any]], str | None]:
        """Return the items of a page, and the token of the next one."""
        response = self.get(**query)
        assert response.status_code == 200, f"{self.name} with {query}: {response.get_data(as_text=True)}"
        assert response.json is not None
        return response.json[self.rules.resource], response.json["next_page_token"]

    @property
    def variants(self) -> Iterator[dict[str, str]]:
        """The query parameters that make items larger, such as ``expand=items``, each with every choice."""
        yield {}
        for name, field in self.schema().fields.items():
            for validator in field.validators if name not in COMMON else ():
                yield from ({name: str(choice)} for choice in getattr(validator, "choices", ()))


def own_schemas() -> list[type[ListSchema]]:
    """Return the query schemas of the application."""
    return [each for each in ListSchema.__subclasses__() if each.__module__.startswith("app.")]


def found(app: Flask) -> dict[str, type[ListSchema]]:
    """Return the query schema of every list with a sample, by operation."""
    schemas = {each.rules.resource: each for each in own_schemas()}
    names = {each.name for each in operations.table(app).values()}
    return {
        name: schemas[resource]
        for name in sorted(names)
        if name.startswith("GET ") and (resource := name.rpartition("/")[2].replace("-", "_")) in schemas
        if name.replace("GET ", "POST ", 1) in BODIES or name in PREREQUISITES
    }


@pytest.fixture
def lists(app: Flask, client: CheckedClient, bearer: Callable[..., dict[str, str]]) -> list[List]:
    """Return every list."""
    client.allows_500 = True
    admin = Caller(client, bearer("root", "admin"))
    return [List(name, schema.rules, schema, admin, app) for name, schema in found(app).items()]


def test_every_list_is_checked(lists: list[List]) -> None:
    lacking = {each.rules.resource for each in own_schemas()} - {each.rules.resource for each in lists}
    assert not lacking, (
        f"the lists of {', '.join(sorted(lacking))} have no sample: add the body of the POST that creates an item to"
        " BODIES in tests/samples.py, or a function that stores one item to PREREQUISITES, under the name of the list"
    )


def test_a_list_sends_the_same_statements_for_many_rows(lists: list[List]) -> None:
    faults = []
    for each in lists:
        counts: dict[str, list[int]] = {}
        for count, after in ((FEW, 0), (MANY, FEW)):
            each.fill(count, after=after)
            for variant in each.variants:
                sent = statements(each, variant)
                counts.setdefault(str(variant or ""), []).append(len(sent))
        faults += [
            f"{each.name} {variant} sends {few} statements for {FEW} items and {many} for {MANY}: read what belongs to"
            f" the items of a page with one statement, `WHERE … = ANY(:ids)`; the last one was: {sent[-1]}"
            for variant, (few, many) in counts.items()
            if few != many
        ]
    assert not faults, "\n".join(faults)


def statements(of: List, query: dict[str, str]) -> list[str]:
    """Return the statements of a page with all items."""
    with of.app.app_context():
        engine = db.engine
    with sent_by(engine) as sent:
        items, _ = of.page(**query)
    assert len(items) >= FEW, f"{of.name} does not list what {of.creation} creates"
    return sent


def test_a_list_uses_its_query(lists: list[List]) -> None:
    faults = []
    for each in lists:
        each.fill(3)
        ignored = [name for name, is_used in used(each) if not is_used]
        faults += [f"{each.name} ignores {', '.join(ignored)} of its query: {INSTEAD}"] if ignored else []
    assert not faults, "\n".join(faults)


def used(each: List) -> Iterator[tuple[str, bool]]:
    """Yield each parameter of a list, and whether the page depends on it."""
    first, token = each.page(page_size=1)
    yield "page_size", len(first) == 1 and token is not None
    if token:
        yield "page_token", each.page(page_size=1, page_token=token)[0] != first
    member = each.rules.order_by.partition(" ")[0]
    up, down = (each.page(order_by=f"{member} {direction}")[0] for direction in ("asc", "desc"))
    yield "order_by", up == down[::-1] != down
    absent = [NONE[m.values[0]].format(name) for name, m in each.rules.filterable.items() if m.values[0] in NONE]
    if absent:
        yield "filter", each.page(filter=absent[0])[0] == []
    shown = each.rules.items[0]
    yield "fields", all(set(item) == {shown} for item in each.page(fields=shown)[0])


def test_a_list_can_be_read_to_its_end_in_every_order(lists: list[List]) -> None:
    faults = []
    for each in lists:
        each.fill(3)
        orders = [f"{name} {way}" for name in each.rules.orderable for way in ("asc", "desc")]
        faults += [
            f"{each.name} in the order {order}: {fault}: page tokens hold text, integers and times only"
            for order in orders
            if (fault := fault_of_pages(each, order))
        ]
    assert not faults, "\n".join(faults)


def fault_of_pages(each: List, order: str) -> str:
    """Return the fault in the pages of three items or more, one on each; an empty string if there is none.

    Lists of other resources may have stored more: the rows to which theirs refer.
    """
    token, items = "", list[Any]()
    for number in range(1, MOST_PAGES):
        response = each.get(page_size=1, order_by=order, page_token=token)
        if response.status_code != 200 or response.json is None:
            return f"page {number} has the status {response.status_code}"
        items += response.json[each.rules.resource]
        token = response.json["next_page_token"] or ""
        if not token:
            break
    distinct = {str(item) for item in items}
    if token or not 3 <= len(distinct) == len(items):
        return f"{len(items)} pages have {len(distinct)} items{', and there are more' if token else ''}"
    return ""
