"""``max_bytes`` of arguments, ``max_body_bytes`` of a blueprint, and Flask's own limit of a request."""

from typing import Any

import pytest
from flask import request

from app.rest import operations
from app.rest.blueprint import Blueprint
from app.rest.operations import DEFAULT_BODY
from tests.api.smorest.conftest import PetSchema, Serve, document_of


def body(size: int) -> bytes:
    """Return a pet of this size in bytes."""
    return b'{"name":"Rex"}'.ljust(size)


def reading(blp: Blueprint, **options: Any) -> Blueprint:
    """Return the blueprint with an operation that reads a pet."""

    @blp.route("/", methods=["POST"])
    @blp.arguments(PetSchema, **options)
    @blp.response(200)
    def post(pet: Any) -> Any:
        return {"name": pet["name"]}

    return blp


def limit_of(client: Any, path: str = "/pets/") -> int:
    """Return the limit in the response to a body far too large, after a body of exactly that size was read."""
    answer = client.post(path, data=body(2_000_000), content_type="application/json")
    assert (answer.status_code, answer.json["code"]) == (413, "BODY_TOO_LARGE")
    limit: int = answer.json["limit"]
    assert client.post(path, data=body(limit), content_type="application/json").status_code == 200
    assert client.post(path, data=body(limit + 1), content_type="application/json").status_code == 413
    return limit


def test_arguments_declare_a_size(serve: Serve, blp: Blueprint) -> None:
    client = serve(reading(blp, max_bytes=100))
    assert limit_of(client) == 100
    assert document_of(client)["paths"]["/pets/"]["post"]["x-max-body-bytes"] == 100


def test_a_blueprint_declares_one_for_its_operations(serve: Serve) -> None:
    pets = Blueprint("pets", __name__, scope=operations.PUBLIC, url_prefix="/pets", max_body_bytes=200)
    assert limit_of(serve(reading(pets))) == 200


def test_the_size_of_the_arguments_takes_precedence_over_that_of_the_blueprint(serve: Serve) -> None:
    pets = Blueprint("pets", __name__, scope=operations.PUBLIC, url_prefix="/pets", max_body_bytes=200)
    assert limit_of(serve(reading(pets, max_bytes=300))) == 300


def test_the_default_is_64_kib(serve: Serve, blp: Blueprint) -> None:
    assert limit_of(serve(reading(blp))) == DEFAULT_BODY == 65536


def test_the_setting_is_the_upper_bound(serve: Serve, blp: Blueprint) -> None:
    assert limit_of(serve(reading(blp, max_bytes=1 << 24))) == 1048576


def test_a_hook_may_allow_more_or_less(serve: Serve, blp: Blueprint) -> None:
    """Flask's own ``request.max_content_length``."""
    client = serve(reading(blp, max_bytes=100))

    @client.application.before_request  # type: ignore[untyped-decorator]
    def allow() -> None:
        request.max_content_length = 500

    assert limit_of(client) == 500


@pytest.mark.parametrize("size", ["1 MiB", 0, -1, True, 1.5])
def test_an_invalid_size_is_rejected_at_declaration(blp: Blueprint, size: Any) -> None:
    with pytest.raises(TypeError, match="a body size is a number of bytes"):
        reading(blp, max_bytes=size)
    with pytest.raises(TypeError, match="a body size is a number of bytes"):
        Blueprint("pets", __name__, max_body_bytes=size)


def test_a_size_needs_a_body(blp: Blueprint) -> None:
    with pytest.raises(TypeError, match="max_bytes is for a body"):
        reading(blp, max_bytes=100, location="query")
