"""The OpenAPI document, as tests read it."""

from typing import Any

PREFIX = "#/components/responses/"


def inlined(document: dict[str, Any]) -> dict[str, Any]:
    """Write the responses that operations share at each operation, in place of the references; return the document."""
    shared = document["components"].get("responses", {})
    for item in document["paths"].values():
        for operation in item.values():
            responses = operation.get("responses", {}) if isinstance(operation, dict) else {}
            for status, response in responses.items():
                if "$ref" in response:
                    responses[status] = shared[response["$ref"].removeprefix(PREFIX)]
    return document
