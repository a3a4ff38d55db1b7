"""Every operation on an item of another owner is denied.

A resource is owned if callers don't see the items of others in its list, or if one of its operations denies access to
them. Then all of its operations must.
"""

from collections.abc import Callable
from http import HTTPStatus
from typing import Final

from flask import Flask
from flask.testing import FlaskClient

from app.request_context import ADMIN
from app.rest import operations, scopes
from app.rest.operations import Operation
from tests.api.caller import Caller, answered
from tests.law.test_every_list import found
from tests.samples import BODIES, numbered, path_of, prepared

DENIED: Final = frozenset({HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND})

UNCHECKED: Final = (
    "{} responds with {} to a caller who is not the owner: call the check of ownership in the service, such as"
    " _check_owner(item, by), directly after it reads the item, and pass by=principal() from the handler"
)
UNFILTERED: Final = (
    "{} shows the items of others, to which operations on an item deny access: compare the owner in the service, with"
    ' replace(query, where=(Comparison("created_by", Operator.EQ, by.id), *query.where))'
)


def test_every_operation_on_an_owned_item_denies_other_callers(
    app: Flask, client: FlaskClient, bearer: Callable[..., dict[str, str]]
) -> None:
    own, other = Caller(client, bearer("root", ADMIN)), Caller(client, bearer("bob", " ".join(others())))
    faults = []
    for listing, schema in found(app).items():
        if (creation := listing.replace("GET ", "POST ", 1)) not in BODIES:
            continue
        outcomes: dict[str, int] = {}
        for number, operation in enumerate(of_items(app, listing)):
            body = numbered(creation, number) | prepared(app, creation)
            created = own.post(path_of(creation), json=body)
            assert created.status_code == 201, created.get_data(as_text=True)
            outcomes[operation.name] = call(other, operation, listing, created.headers["Location"])
        listed = other.get(path_of(listing))  # under the parent of another caller, it is denied too
        seen = [] if listed.status_code in DENIED else answered(listed)[schema.rules.resource]
        is_owned = not seen or any(each in DENIED for each in outcomes.values())
        faults += [
            UNCHECKED.format(name, status) for name, status in outcomes.items() if is_owned and status not in DENIED
        ]
        faults += [UNFILTERED.format(listing)] if is_owned and seen else []
    assert not faults, "\n".join(faults)


def others() -> set[str]:
    """Return all scopes except the one that permits everything."""
    return scopes.SCOPES - {ADMIN}


def of_items(app: Flask, listing: str) -> list[Operation]:
    """Return the operations on one item of a list, for which the caller has the scope. Nested lists have their own."""
    prefix = f"{listing.partition(' ')[2]}/<"
    nested = tuple(path for each in found(app) if (path := each.partition(" ")[2]).startswith(prefix))
    unique = {each.name: each for each in operations.table(app).values()}
    return [
        each
        for name, each in sorted(unique.items())
        if (path := name.partition(" ")[2]).startswith(prefix) and not path.startswith(nested) and each.scope != ADMIN
    ]


def call(by: Caller, operation: Operation, listing: str, item: str) -> int:
    """Send the valid request of an operation on the item with this path, whatever its version; return the status."""
    method, _, path = operation.name.partition(" ")
    after = path.removeprefix(f"{listing.partition(' ')[2]}/").partition(">")[2]
    conditions = {} if method == "GET" else {"If-Match": "*"}
    address = item + path_of(f"{method} {after}")
    return by.send(method, address, json=BODIES.get(operation.name), headers=conditions).status_code
