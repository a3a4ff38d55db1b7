"""Every declared error of every operation in the OpenAPI document, as the drivers of all generators read it.

``folder`` writes the list to ``errors.json``. A driver sends each entry's request with ``Simulate-Error`` set to its
code and with the token in ``CANDOR_ADMIN``, and checks the client's representation of the response. Some operations
have a lower rate limit: after an unexpected 429, it waits for ``Retry-After`` and sends the request again.
"""

import re
from collections.abc import Iterator
from typing import Any, Final, TypedDict

from app import errs
from app.rest.errors import status_of
from tests.samples import BODIES, PATHS

_PARAMETER: Final = re.compile(r"<(?:\w+:)?(\w+)>")
VALUES: Final = {_PARAMETER.sub(r"\1", name): value for name, value in PATHS.items()}
SAMPLES: Final = {_PARAMETER.sub(r"{\1}", name): body for name, body in BODIES.items()}
PROBLEM: Final = "application/problem+json"


class DeclaredError(TypedDict):
    """An error that an operation declares, and a request for it."""

    operation: str
    """The operationId."""
    tag: str
    method: str
    path: str
    """With parameters, such as ``/v1/tasks/{task_id}``."""
    parameters: dict[str, str]
    """Their values."""
    url: str
    """The path with these values."""
    body: dict[str, Any] | None
    """A valid body, if the operation reads one."""
    request: str | None
    """The component that the body has."""
    required: list[str]
    """The header fields that the operation requires."""
    code: str
    status: int
    schema: str | None
    """The component that the response has; ``None`` for 401 and 403, which have no body."""


def declared_errors(document: dict[str, Any]) -> Iterator[DeclaredError]:
    """Yield every error of every operation."""
    for path, item in document["paths"].items():
        shared = item.get("parameters", [])
        for method in item.keys() - {"parameters"}:
            operation = item[method]
            parameters = [resolved(document, each) for each in (*shared, *operation.get("parameters", []))]
            values = {each["name"]: VALUES[each["name"]] for each in parameters if each["in"] == "path"}
            for code in operation["x-errors"]:
                status = status_of(errs.named_errors()[code]).value
                yield {
                    "operation": operation["operationId"],
                    "tag": operation["tags"][0],
                    "method": method.upper(),
                    "path": path,
                    "parameters": values,
                    "url": path.format(**values),
                    "body": SAMPLES.get(f"{method.upper()} {path}"),
                    "request": _request(operation),
                    "required": [
                        each["name"] for each in parameters if each["in"] == "header" and each.get("required")
                    ],
                    "code": code,
                    "status": status,
                    "schema": _schema(resolved(document, operation["responses"][str(status)]), code),
                }


def with_body(document: dict[str, Any]) -> set[tuple[str, int, str]]:
    """Return operation, status and code of every declared error whose response has a body."""
    every = declared_errors(document)
    return {(each["operation"], each["status"], each["code"]) for each in every if each["schema"] is not None}


def resolved(document: dict[str, Any], found: dict[str, Any]) -> dict[str, Any]:
    """Return a part of the document, or the component that it refers to."""
    if "$ref" not in found:
        return found
    _, _, kind, name = found["$ref"].split("/")
    component: dict[str, Any] = document["components"][kind][name]
    return component


def _request(operation: dict[str, Any]) -> str | None:
    """Return the name of the component of a body."""
    if "requestBody" not in operation:
        return None
    reference: str = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"]
    return reference.rpartition("/")[2]


def _schema(response: dict[str, Any], code: str) -> str | None:
    """Return the name of the component of an error."""
    if PROBLEM not in response.get("content", {}):
        return None
    schema = response["content"][PROBLEM]["schema"]
    reference: str = schema["discriminator"]["mapping"][code] if "discriminator" in schema else schema["$ref"]
    return reference.rpartition("/")[2]
