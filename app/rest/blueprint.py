"""A flask-smorest blueprint whose operations decode strictly, encode by compiled schema, and declare their errors.

The decorators of a handler run in this order: Accept, body, the concurrency limit (``route``), the idempotency key
(``once``), then everything that can add violations (``arguments``, ``conditional``), and, when all violations are
known, the handler (``response``). Unsupported features of flask-smorest are rejected when the module loads.
"""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any, NoReturn, TypeVar

import flask_smorest
from flask import Flask
from flask_smorest.utils import deepupdate

from app.errs import Error
from app.rest import arguments, openapi_operations, operations, response_decorators
from app.rest.blueprint_routes import Routes, reject

View = TypeVar("View", bound=Callable[..., Any])
Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


class Blueprint(Routes):
    """A blueprint for callers with a valid token, unless it specifies a scope or ``PUBLIC``."""

    def arguments(
        self,
        schema: Any,
        *,
        location: str = "json",
        content_type: str | None = None,
        content_types: tuple[str, ...] | None = None,
        required: bool = True,
        description: str | None = None,
        example: Any = None,
        examples: Any = None,
        max_bytes: int | None = None,
        as_kwargs: bool = False,
        arg_name: str | None = None,
        **options: Any,
    ) -> Decorator:
        """Pass the schema's value of one part of the request to the handler. Violations are reported together.

        Args:
            schema: a class, an instance, or a dict of fields.
            location: ``json``, ``query``, ``headers``, ``cookies``, ``form``, ``files`` or ``path``.
            content_type: the media type of a body. For several, use ``content_types``.
            content_types: see above.
            required: true if the body is required.
            description: of a body, for OpenAPI.
            example: of a body, for OpenAPI.
            examples: of a body by name, for OpenAPI.
            max_bytes: the largest body; a larger one gets 413. Default: the blueprint's ``max_body_bytes``.
            as_kwargs: true to pass each property as a separate keyword argument.
            arg_name: the name of the argument, which is positional by default.
            options: of webargs. They are not supported; the error contains the alternative.

        Raises:
            TypeError: the location, the schema or an option is not supported.
        """
        for name in options:
            instead = arguments.REJECTED.get(name, "omit it")
            raise TypeError(f"arguments does not take {name}: {instead}")
        if example is not None and examples is not None:
            raise TypeError("example and examples are mutually exclusive: omit one of them")
        given = {"content_type": content_type, "description": description, "example": example, "examples": examples}
        return arguments.decorator(
            schema,
            location=location,
            content_types=content_types or (None if content_type is None else (content_type,)),
            as_kwargs=as_kwargs,
            arg_name=arg_name,
            required=required,
            max_bytes=max_bytes,
            document={name: value for name, value in given.items() if value is not None},
        )

    def response(
        self,
        status_code: response_decorators.Status,
        schema: Any = None,
        *,
        also: HTTPStatus | None = None,
        headers: Any = None,
        content_type: str | None = None,
        description: str | None = None,
        example: Any = None,
        examples: Any = None,
    ) -> Decorator:
        """Run the handler unless there are violations, and encode its result with the schema.

        A handler returns a value, or a tuple of it with a status, header fields, or both; or a finished response.

        Args:
            status_code: the default status. The handler can return another one.
            schema: a class or an instance, optionally with ``many=True``. Without a schema, values are JSON unchanged.
            also: another status that the handler returns, with the same schema.
            headers: for OpenAPI, the names of the fields of a success, or smorest's dict of them.
            content_type: the media type, for a handler that returns finished responses.
            description: for OpenAPI.
            example: for OpenAPI.
            examples: by name, for OpenAPI.
        """
        document = {
            "description": description,
            "example": example,
            "examples": examples,
            "headers": headers,
            "content_type": content_type,
        }
        return response_decorators.decorator(self, status_code, schema, also=also, document=document)

    def alt_response(
        self,
        status_code: response_decorators.Status,
        response: Any = None,
        *errors: type[Error],
        schema: Any = None,
        success: bool = False,
        **document: Any,
    ) -> Decorator:
        """Declare another response: by its name in OpenAPI, by a schema, or by errors of the catalogue.

        For statuses from 400, ``abort`` with the status is declared too.
        """
        return response_decorators.alternative(status_code, response, errors, schema=schema, document=document)

    def raises(self, *errors: type[Error]) -> Decorator:
        """Declare errors that the handler raises itself, in addition to the errors of its use cases.

        Raises:
            TypeError: an error is not in the catalogue.
        """
        declared = tuple(response_decorators.catalogued(errors))

        def decorate(view: Callable[..., Any]) -> Callable[..., Any]:
            operations.draft(view).add(declared)
            return view

        return decorate

    def calls(
        self, use_case: Callable[..., object], *, needs_database: bool = True, reads_replica: bool = False
    ) -> Callable[[View], View]:
        """Declare that the handler calls this use case. Its errors become errors of the operation.

        With ``reads_replica``, its reads outside of units of work can use a replica (``REPLICA_URL``). Never declare
        it for accounts, sessions, permissions or revocations.
        """

        def decorate(view: View) -> View:
            operations.declare_calls(view, use_case, needs_database=needs_database, reads_replica=reads_replica)
            return view

        return decorate

    @staticmethod
    def doc(**document: Any) -> Decorator:
        """Set attributes of the operation in OpenAPI, such as ``summary`` and ``deprecated``."""

        def decorate(view: Callable[..., Any]) -> Callable[..., Any]:
            passing = operations.pass_through(view)
            deepupdate(openapi_operations.part(passing, "manual_doc"), document)
            return passing

        return decorate

    def paginate(self, *_: object, **__: object) -> NoReturn:
        """Reject pagination by page number."""
        reject("paginate")

    def etag(self, *_: object, **__: object) -> NoReturn:
        """Reject entity tags of complete responses."""
        reject("etag")

    def check_etag(self, *_: object, **__: object) -> NoReturn:
        """Reject entity tags of complete responses."""
        reject("etag")

    def set_etag(self, *_: object, **__: object) -> NoReturn:
        """Reject entity tags of complete responses."""
        reject("etag")


def register(app: Flask, api: flask_smorest.Api, blueprints: tuple[Blueprint, ...]) -> None:
    """Register blueprints with the application and the OpenAPI document."""
    for blueprint in blueprints:
        api.register_blueprint(blueprint)
