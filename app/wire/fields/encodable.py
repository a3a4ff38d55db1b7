"""The base class of fields with a compiled form, and the messages that every field has."""

from collections.abc import Callable
from typing import Any, Final

from app.wire.validators import Breach

REQUIRED: Final = [Breach("REQUIRED_FIELD", "is required")]
MESSAGES: Final[Any] = {"required": REQUIRED, "null": REQUIRED, "validator_failed": REQUIRED}


class Encodable:
    """A field with a compiled form."""

    def decode(self, value: Any) -> Any:
        """Return the value of JSON other than ``null``.

        Raises:
            ma.ValidationError: with a breach.
        """
        return value

    def encode(self, value: Any) -> Any:
        """Return the JSON value of a value that is not ``None``."""
        return value

    def compiled(self) -> Callable[[Any], Any] | None:
        """Return a function that converts a value for orjson, or ``None`` if orjson can render the value unchanged."""
        return self.encode if type(self).encode is not Encodable.encode else None

    def inline(self) -> tuple[str, dict[str, Any]]:
        """Return ``compiled`` as a Python expression of the value, ``found``, and the objects in it by their names.

        A function call costs more than most conversions. The names end with ``_N``, which the encoder replaces.
        """
        return "encode_N(found)", {"encode_N": self.compiled()}

    def _serialize(self, value: Any, *_: object, **__: object) -> Any:
        return None if value is None else self.encode(value)

    def _deserialize(self, value: Any, *_: object, **__: object) -> Any:
        return self.decode(value)
