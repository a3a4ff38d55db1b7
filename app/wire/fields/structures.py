"""Arrays, objects, and output that is already JSON."""

from collections.abc import Callable
from typing import Any, Final

import marshmallow as ma

from app.wire.fields.encodable import MESSAGES, Encodable
from app.wire.validators import Breach

JUDGED: Final = 100
"""The longest list whose items are checked. For a longer list, only the length is reported."""


class Listed(ma.fields.List[Any]):
    """A JSON array of one type; ``check`` returns breaches between items, by index."""

    default_error_messages = MESSAGES

    def __init__(
        self,
        inner: "ma.fields.Field[Any]",
        *,
        longest: int,
        check: Callable[[list[Any]], dict[int, Breach]] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(inner, metadata={"maxItems": longest, **kwargs.pop("metadata", {})}, **kwargs)
        self.longest = longest
        self.check = check

    def rejection(self, value: object) -> Breach | None:
        """Return the reason why no item is checked, or ``None``."""
        if not isinstance(value, list):
            return Breach("INVALID_TYPE", "must be an array")
        return self.too_long() if len(value) > JUDGED else None

    def _deserialize(self, value: Any, *_: object, **kwargs: Any) -> list[Any]:
        if rejection := self.rejection(value):
            raise rejection.error()
        errors: dict[int | str, Any] = {
            index: [breach] for index, breach in (self.check(value) if self.check else {}).items()
        }
        if len(value) > self.longest:
            errors[ma.exceptions.SCHEMA] = [self.too_long()]
        items = []
        for index, each in enumerate(value):
            try:
                items.append(self.inner.deserialize(each, **kwargs))
            except ma.ValidationError as error:
                errors[index] = error.messages
        if errors:
            raise ma.ValidationError(errors)
        return items

    def too_long(self) -> Breach:
        """Return the breach of a list with too many items."""
        return Breach("TOO_LONG", f"must have at most {self.longest} items")


class Object(ma.fields.Nested):
    """A JSON object described by another schema."""

    default_error_messages = MESSAGES


class Anything(Encodable, ma.fields.Raw):
    """Output that is already JSON."""

    default_error_messages = MESSAGES
