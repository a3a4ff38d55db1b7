"""The types of fields whose values are members of an enumeration."""

from collections.abc import Callable
from enum import IntEnum
from typing import Any, Generic, TypeVar

import marshmallow as ma

from app.wire.fields.encodable import MESSAGES, Encodable
from app.wire.validators import Breach

EnumT = TypeVar("EnumT", bound=IntEnum)


class EnumName(Encodable, ma.fields.String, Generic[EnumT]):
    """A member of an enumeration by its name with a prefix; ``…_UNSPECIFIED`` and null mean the default."""

    default_error_messages = MESSAGES

    def __init__(self, enum: type[EnumT], *, prefix: str, default: EnumT, **kwargs: Any) -> None:
        self.by_name = {f"{prefix}{member.name}": member for member in enum}
        self.names = {member: name for name, member in self.by_name.items()}
        self.names_by_number = {member.value: name for member, name in self.names.items()}
        self.default, self.prefix = default, prefix
        self.unspecified = f"{prefix}UNSPECIFIED"
        values: list[str | None] = [*self.by_name]
        metadata = kwargs.pop("metadata", {})
        if kwargs.get("allow_none"):
            values += [self.unspecified, None]
            assumed = f"`null` and {self.unspecified} mean {self.names[default]}."
            described = f"{metadata.get('description', '')} {assumed}".lstrip()
            metadata = {**metadata, "description": described, "x-default": self.names[default]}
        super().__init__(metadata={**metadata, "enum": values}, **kwargs)

    def encode(self, value: EnumT) -> str:
        """Return the member's name."""
        return self.names[value]

    def compiled(self) -> Callable[[int], str]:
        """Return a lookup by number: rows contain numbers, and ``IntEnum`` members equal them."""
        return self.names_by_number.__getitem__

    def inline(self) -> tuple[str, dict[str, Any]]:
        """Return the same lookup without a call."""
        return "names_N[found]", {"names_N": self.names_by_number}

    def decode(self, value: object) -> Any:
        """Return the member."""
        if not isinstance(value, str):
            raise Breach("INVALID_TYPE", "must be a string").error()
        if value == self.unspecified:
            return self.default
        if value not in self.by_name:
            raise Breach("INVALID_VALUE", f"must be one of {', '.join(self.by_name)}").error()
        return self.by_name[value]


class Choice(Encodable, ma.fields.Field[EnumT], Generic[EnumT]):
    """A member of an enumeration by its plain name."""

    default_error_messages = MESSAGES

    def __init__(self, enum: type[EnumT], *, metadata: dict[str, Any], **kwargs: Any) -> None:
        self.members = {member.name: member for member in enum}
        super().__init__(metadata={**metadata, "type": "string", "enum": [*self.members]}, **kwargs)

    def encode(self, value: EnumT) -> str:
        """Return the member's name."""
        return value.name

    def decode(self, value: object) -> EnumT:
        """Return the member."""
        if not isinstance(value, str):
            raise Breach("INVALID_TYPE", "must be a string").error()
        if value not in self.members:
            raise Breach("INVALID_VALUE", f"must be one of {', '.join(self.members)}").error()
        return self.members[value]
