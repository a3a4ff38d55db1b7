"""Names, titles and other single-line texts cannot consist of invisible characters, in any resource and protocol."""

import importlib
import pkgutil
from collections.abc import Iterator
from typing import Final

import marshmallow as ma
import pytest

from app.wire import schemas
from app.wire.schemas.base import Schema
from app.wire.validators import Length, Printable


def lines() -> Iterator[tuple[str, "ma.fields.Field[object]"]]:
    """Yield every member that is a single-line text, with its name."""
    for module in pkgutil.iter_modules(schemas.__path__):
        for name, value in vars(importlib.import_module(f"{schemas.__name__}.{module.name}")).items():
            if isinstance(value, type) and issubclass(value, Schema):
                for member, field in value().load_fields.items():
                    inner = field.inner if isinstance(field, ma.fields.List) else field
                    if any(isinstance(each, Printable) and not each.is_multiline for each in inner.validators):
                        yield f"{name}.{member}", inner


LINES: Final = dict(lines())


def test_some_members_are_found() -> None:
    assert {"TaskSchema.title", "UserCreateSchema.name", "UserUpdateSchema.name"} <= LINES.keys()


@pytest.mark.parametrize("name", LINES)
def test_every_single_line_text_rejects_invisible_characters(name: str) -> None:
    """A new member of this type needs ``Length(min=1, …)``."""
    assert [each.min for each in LINES[name].validators if isinstance(each, Length)] == [1]
