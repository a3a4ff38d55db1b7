"""The record of the gRPC protocol."""

from collections.abc import Iterator
from typing import Any

from google.protobuf import descriptor_pb2, json_format
from google.protobuf.descriptor import FileDescriptor

from app.rpc.services import SERVICES


def image() -> dict[str, Any]:
    """Return the image of the protocol, with the files that it imports: ``buf breaking --against`` reads it."""
    image = descriptor_pb2.FileDescriptorSet()
    for file in dict.fromkeys(each for service in SERVICES for each in _files(service.described.file)):
        image.file.append(descriptor_pb2.FileDescriptorProto.FromString(file.serialized_pb))
        for message in image.file[-1].message_type:
            _name_for_json(message)
    return json_format.MessageToDict(image)


def _name_for_json(message: descriptor_pb2.DescriptorProto) -> None:
    """Set the JSON names of fields, as compilers do. Generated Python code omits names that follow from the field."""
    for field in message.field:
        first, *others = field.name.split("_")
        field.json_name = field.json_name or first + "".join(each[:1].upper() + each[1:] for each in others)
    for each in message.nested_type:
        _name_for_json(each)


def _files(file: FileDescriptor) -> Iterator[FileDescriptor]:
    """Yield a file after those that it imports."""
    for each in file.dependencies:
        yield from _files(each)
    yield file
