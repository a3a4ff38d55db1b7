"""The documentation of an operation in ``/openapi.json``: security, header fields, media types, errors by status."""

from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from http import HTTPStatus
from typing import Any, Final

from apispec import APISpec
from flask import Flask

from app import errs
from app.rest import error_examples
from app.rest.errors import BODILESS, MEDIA_TYPE, status_of
from app.rest.operations import PUBLIC, Operation
from app.rest.response_header_meanings import DOCUMENTED, SAFE, declared, key, of_deprecation, of_errors, of_success
from app.wire.deprecation import Deprecation

FORMS: Final = frozenset({"form", "files"})
MULTIPART: Final = "multipart/form-data"


def part(view: Callable[..., Any], feature: str) -> dict[str, Any]:
    """Return the dict in which smorest stores the OpenAPI data of a feature."""
    view.__dict__["_apidoc"] = deepcopy(view.__dict__.get("_apidoc", {}))
    found: dict[str, Any] = view.__dict__["_apidoc"].setdefault(feature, {})
    return found


def document_operation(
    doc: dict[str, Any], doc_info: dict[str, Any], *, api: Any, app: Flask, spec: APISpec, method: str
) -> dict[str, Any]:
    """Complete an operation: its security, header fields, media types, and its errors by status."""
    operation: Operation = doc_info["operation"]
    doc["operationId"] = _operation_id(api, operation.operation_id, doc_info["blueprint"])
    is_public = operation.scope is PUBLIC
    doc["security"] = [] if is_public else [{"bearer": [operation.scope] if operation.scope else []}]
    if operation.consumes:
        _add_body(doc, operation)
        doc["x-max-body-bytes"] = operation.body_limit(app.config["MAX_BODY_BYTES"])
    shown = doc_info.get("headers", ())
    doc.setdefault("parameters", []).extend(key(name) for name in _parameters(doc_info, method, shown))
    is_write = method not in SAFE
    success = declared(of_success(operation, shown, is_kept=bool(doc_info.get("once")), is_write=is_write))
    success |= {name: {"schema": {"type": "string"}} for name in shown if name not in DOCUMENTED}
    responses = doc.setdefault("responses", {})
    for status, response in responses.items():
        _complete(
            response,
            success if str(status) < "4" else declared(of_success(operation, (), is_kept=False, is_write=is_write)),
            operation,
        )
    if method == "get" and "ETag" in shown:
        responses[HTTPStatus.NOT_MODIFIED] = {
            "description": HTTPStatus.NOT_MODIFIED.phrase,
            "headers": success,
        }
    for status, response in _errors(operation, app.config, method=method):
        responses[status] = _joined(response, responses.get(status))
    if operation.deprecation is not None:
        _deprecate(doc, operation.deprecation)
    doc["x-errors"] = sorted(named.code for named in operation.raises)
    return doc


def _deprecate(doc: dict[str, Any], deprecation: Deprecation) -> None:
    """Mark an operation as deprecated, and declare the header fields of its responses."""
    doc["deprecated"] = True
    for response in doc["responses"].values():
        if isinstance(response, dict):
            response["headers"] = {**response.get("headers", {}), **of_deprecation(deprecation)}


def _operation_id(api: Any, name: str, blueprint: str) -> str:
    """Return the ID of an operation. If another blueprint already has it, the blueprint's name is prepended."""
    taken: set[str] = vars(api).setdefault("operation_ids", set())
    found = f"{blueprint}_{name}" if name in taken else name
    taken.add(found)
    return found


def _add_body(doc: dict[str, Any], operation: Operation) -> None:
    """List the body under each of its media types. smorest lists only the first schema of a form with files."""
    content = doc["requestBody"]["content"]
    others = [each for each in doc.get("parameters", []) if isinstance(each, dict) and each.get("in") in FORMS]
    if others:
        first = next(iter(content.values()))
        whole = {**first, "schema": {"allOf": [first["schema"], *(each["schema"] for each in others)]}}
        doc["parameters"] = [each for each in doc["parameters"] if each not in others]
        doc["requestBody"]["content"] = {MULTIPART: whole}
        return
    for content_type in operation.consumes:
        content[content_type] = next(iter(content.values()))


def _complete(response: Any, headers: Mapping[str, Any], operation: Operation) -> None:
    """Add header fields and media types to a response that a decorator describes. References are unchanged."""
    if not isinstance(response, dict):
        return
    response["headers"] = {**headers, **response.get("headers", {})}
    for media_type in operation.produces[1:]:
        if "content" in response:
            response["content"].setdefault(media_type, {"schema": {"type": "string"}})


def _joined(response: dict[str, Any], described: Any) -> Any:
    """Return the response with the errors of a status, and with the description from ``alt_response``."""
    if described is None or not isinstance(described, dict):
        return response if described is None else described
    inner = {name: {**response.get(name, {}), **described.get(name, {})} for name in ("headers", "content")}
    return {**response, **described, **{name: value for name, value in inner.items() if value}}


def _parameters(doc_info: dict[str, Any], method: str, headers: tuple[str, ...]) -> Iterator[str]:
    """Yield the header fields that an operation reads."""
    yield "Request-Timeout"
    if doc_info.get("once"):
        yield "Idempotency-Key"
    if doc_info.get("conditional"):
        yield "If-Match-To-Replace" if doc_info["needs_if_match"] else "If-Match"
        if method != "get":
            yield "If-None-Match-To-Write"
    if method == "get" and "ETag" in headers:
        yield "If-None-Match"
    if doc_info["operation"].reads_replica:
        yield "Read-After"


def _error_response(group: list[type[errs.Error]], public_url: str) -> str:
    """Return the titles of the errors of one status in Markdown, with links to their pages."""
    response = [f"[{named.code}]({public_url}/errors/{errs.slug(named.code)}) {errs.title(named)}" for named in group]
    return response[0] if len(response) == 1 else "\n".join(f"- {each}" for each in response)


def _example(named: type[errs.Error], operation: Operation, config: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the example of an error of an operation, with facts such as the operation's body limit."""
    shown = error_examples.occurrence(named, operation, largest=config["MAX_BODY_BYTES"])
    return error_examples.document(named, public_url=config["PUBLIC_URL"], shown=shown)


def _one_of(group: list[type[errs.Error]]) -> dict[str, Any]:
    """Return the schema of the errors of one status, with the discriminator ``code``."""
    by_code = {named.code: f"#/components/schemas/{named.__name__}" for named in group}
    if len(group) == 1:
        return {"$ref": by_code[group[0].code]}
    return {
        "oneOf": [{"$ref": each} for each in by_code.values()],
        "discriminator": {"propertyName": "code", "mapping": by_code},
    }


def _errors(
    operation: Operation, config: Mapping[str, Any], *, method: str
) -> Iterator[tuple[HTTPStatus, dict[str, Any]]]:
    by_status: dict[HTTPStatus, list[type[errs.Error]]] = {}
    for named in sorted(operation.raises, key=lambda named: named.code):
        by_status.setdefault(status_of(named), []).append(named)
    for status, group in sorted(by_status.items()):
        response: dict[str, Any] = {
            "description": _error_response(group, config["PUBLIC_URL"]),
            "headers": declared(of_errors(operation, group, status, method=method)),
        }
        if status not in BODILESS:
            response["content"] = {
                MEDIA_TYPE: {
                    "schema": _one_of(group),
                    "examples": {named.code: {"value": _example(named, operation, config)} for named in group},
                }
            }
        yield status, response
