"""Shared error responses as components of the OpenAPI document.

Most operations return the same errors. Without components, they would be half of the document. Several errors of one
status stay at their operation, because generated types have the operation's name (``openapi_completion``).
"""

from collections import Counter
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any, Final

import orjson

from app.rest.errors import MEDIA_TYPE

RESPONSES: Final = "#/components/responses/"


def share(document: dict[str, Any]) -> None:
    """Replace each error response of two or more operations by a reference (OpenAPI 3.1, section 4.8.17).

    A component has the name of its error, or of its status if it has no body. Further ones with that name get a number.
    """
    found = [
        (responses, status, _key(responses[status])) for responses in _of(document) for status in _errors(responses)
    ]
    times = Counter(key for _, _, key in found)
    components = document.setdefault("components", {}).setdefault("responses", {})
    names: dict[bytes, str] = {}
    for responses, status, key in found:
        if times[key] > 1:
            if key not in names:
                names[key] = _name(responses[status], status, components)
                components[names[key]] = responses[status]
            responses[status] = {"$ref": f"{RESPONSES}{names[key]}"}
    if not components:
        del document["components"]["responses"]


def _of(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for item in document["paths"].values():
        yield from (each["responses"] for each in item.values() if isinstance(each, dict) and "responses" in each)


def _errors(responses: dict[str, Any]) -> list[str]:
    return [status for status, each in responses.items() if str(status) >= "4" and "$ref" not in each]


def _key(response: dict[str, Any]) -> bytes:
    return orjson.dumps(response, option=orjson.OPT_SORT_KEYS)


def _name(response: dict[str, Any], status: str, taken: dict[str, Any]) -> str:
    """Return a name that no other component has."""
    reference = response.get("content", {}).get(MEDIA_TYPE, {}).get("schema", {}).get("$ref")
    base = reference.rpartition("/")[2] if reference else _phrase(status)
    name, number = base, 1
    while name in taken:
        number += 1
        name = f"{base}{number}"
    return name


def _phrase(status: str) -> str:
    try:
        return "".join(each.capitalize() for each in HTTPStatus(int(status)).phrase.replace("-", " ").split())
    except ValueError:
        return f"Error{status.capitalize()}"
