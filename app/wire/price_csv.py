"""The parser of price files: CSV in UTF-8 with a header, read line by line (RFC 4180)."""

import csv
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final, TextIO

from app.errs import Violation
from app.models.products import PRICE_DIGITS, Price
from app.services.products import CsvRow
from app.wire import fields
from app.wire.decode_context import DecodeContext
from app.wire.decoder import Decoder
from app.wire.schemas.base import Schema
from app.wire.schemas.products import currency, sku

LONGEST: Final = 10_000
"""Characters of a line."""


class PriceSchema(Schema):
    """The price of a product in one currency."""

    sku = sku(required=True)
    currency = currency(required=True)
    price = fields.Money(digits=PRICE_DIGITS, metadata={"example": "4.90"}, required=True)

    def make(self, values: dict[str, Any]) -> Price:
        """Return the price."""
        return Price(**values)


HEADER: Final = tuple(PriceSchema().fields)
"""The columns."""


def rows(file: TextIO) -> Iterator[CsvRow]:
    """Yield the row of each line after the header, and stop after a line that is not CSV or not UTF-8."""
    reader = csv.reader(_bounded(file), strict=True)
    try:
        header = next(reader, [])
        if sorted(header) != sorted(HEADER):
            yield _faulty(1, f"the header must be {','.join(HEADER)}")
            return
        for row in reader:
            yield _row(reader.line_num, header, row)
    except (csv.Error, ValueError) as error:
        reason = "the file is not UTF-8" if isinstance(error, UnicodeDecodeError) else str(error)
        yield _faulty(reader.line_num + 1, reason)


def _bounded(file: TextIO) -> Iterator[str]:
    """Yield lines.

    Raises:
        ValueError: a line is too long.
    """
    while line := file.readline(LONGEST + 1):
        if len(line) > LONGEST:
            raise ValueError(f"a line can have at most {LONGEST} characters")
        yield line


_decode: Final = Decoder(PriceSchema())


def _row(number: int, header: list[str], row: list[str]) -> CsvRow:
    if len(row) != len(header):
        return _faulty(number, f"the line must have {len(header)} values, and it has {len(row)}")
    broken: list[Violation] = []
    offer = _decode(dict(zip(header, row, strict=True)), DecodeContext(datetime.now(UTC)), broken)
    return CsvRow(
        number,
        offer,
        tuple(Violation(each.field, each.code, f"line {number}: {each.message}") for each in broken),
    )


def _faulty(number: int, message: str) -> CsvRow:
    return CsvRow(number, violations=(Violation("line", "INVALID_FORMAT", f"line {number}: {message}"),))
