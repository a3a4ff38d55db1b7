"""Conversion of the messages of ``flask new resource``. A field has the name of the property in JSON.

A text has a field of the type string, and so have the types that JSON writes as a string: UUIDs, amounts and dates. The
message has ``name`` instead of ``id``, and ``etag`` (AIP-122, AIP-154).
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final, Generic, TypeVar

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from app.models.precondition import revision
from app.models.resource import Resource
from app.rpc.decoding import Reader
from app.rpc.messages.timestamps import set_timestamp, spelled
from app.wire.decoder import Decoder
from app.wire.schemas.base import Schema

M = TypeVar("M", bound=Message)
OWN: Final = {"name", "etag"}
"""The fields that have no property in JSON."""


class ResourceMessages(Generic[M]):
    """The message of a resource: decoded by its input schema, and made from rows and entities."""

    def __init__(self, kind: type[M], schema: type[Schema], accepted: type[Schema]) -> None:
        """Check that the message and the schema have the same properties.

        Raises:
            TypeError: they differ.
        """
        fields: Mapping[str, Any] = kind.DESCRIPTOR.fields_by_name
        if differing := {*schema().dump_fields, *OWN} - {"id"} ^ {*fields}:
            message = kind.DESCRIPTOR.full_name
            raise TypeError(f"{message} and {schema.__name__} differ: {', '.join(sorted(differing))}; then: make proto")
        self._kind, self._decode = kind, Decoder(accepted())
        self._read = [fields[name] for name in self._decode.schema.load_fields]
        self._write: list[tuple[str, Callable[[M, Any], None]]] = [
            (name, _writer(field)) for name, field in fields.items() if name not in OWN
        ]

    def values(self, reader: Reader, request: Message, name: str) -> Any:
        """Return the values of the resource in a field of a request; a missing one is a violation."""
        if not reader.require(request, name):
            return {}
        message = getattr(request, name)
        return reader.read(
            self._decode, {each.name: _json(message, each) for each in self._read if _has(message, each)}
        )

    def message(self, row: Resource) -> M:
        """Return the message of a row or an entity."""
        made = self._kind(name=f"{self._collection}/{row.id}", etag=revision(row.version, row.update_time))
        for name, write in self._write:
            if (value := getattr(row, name)) is not None:
                write(made, value)
        return made

    @property
    def _collection(self) -> str:
        return self._kind.DESCRIPTOR.full_name.partition(".")[0]


def _has(message: Message, field: FieldDescriptor) -> bool:
    return message.HasField(field.name) if field.has_presence else bool(getattr(message, field.name))


def _json(message: Message, field: FieldDescriptor) -> Any:
    """Return the value of a field as a JSON request has it. An unknown number of an enumeration stays a number."""
    value = getattr(message, field.name)
    if field.enum_type is not None:
        known = field.enum_type.values_by_number.get(value)
        return known.name if known else str(value)
    return spelled(value) if isinstance(value, Timestamp) else value


def _writer(field: FieldDescriptor) -> Callable[[Any, Any], None]:
    """Return a function that sets a field."""
    name = field.name
    if field.message_type is not None:
        return lambda message, value: set_timestamp(getattr(message, name), value)
    if field.type == FieldDescriptor.TYPE_STRING:
        return lambda message, value: setattr(message, name, f"{value:f}" if isinstance(value, Decimal) else str(value))
    return lambda message, value: setattr(message, name, value)
