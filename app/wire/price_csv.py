"""A file of prices: CSV in UTF-8 with a header, read a line at a time (RFC 4180)."""

import csv
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final, TextIO

from app.errs import Violation
from app.services.products import CsvRow
from app.wire.decode_context import DecodeContext
from app.wire.decoder import Decoder
from app.wire.schemas.products import OfferSchema

HEADER: Final = tuple(OfferSchema().fields)
LONGEST: Final = 10_000
"""Characters of a line."""


def rows(file: TextIO) -> Iterator[CsvRow]:
    """Yield what stands in each line below the header; after what is no CSV or no UTF-8, nothing."""
    reader = csv.reader(_bounded(file), strict=True)
    try:
        header = next(reader, [])
        if sorted(header) != sorted(HEADER):
            yield _faulty(1, f"the header must be {','.join(HEADER)}")
            return
        for row in reader:
            yield _row(reader.line_num, header, row)
    except (csv.Error, ValueError) as error:
        said = "this is no UTF-8" if isinstance(error, UnicodeDecodeError) else str(error)
        yield _faulty(reader.line_num + 1, said)


def _bounded(file: TextIO) -> Iterator[str]:
    """Yield lines.

    Raises:
        ValueError: one is too long to be right.
    """
    while line := file.readline(LONGEST + 1):
        if len(line) > LONGEST:
            raise ValueError(f"a line has at most {LONGEST} characters")
        yield line


_decode: Final = Decoder(OfferSchema())


def _row(number: int, header: list[str], row: list[str]) -> CsvRow:
    if len(row) != len(header):
        return _faulty(number, f"there must be {len(header)} values, and there are {len(row)}")
    broken: list[Violation] = []
    offer = _decode(dict(zip(header, row, strict=True)), DecodeContext(datetime.now(UTC)), broken)
    return CsvRow(
        number,
        offer,
        tuple(Violation(each.field, each.code, f"line {number}: {each.message}") for each in broken),
    )


def _faulty(number: int, message: str) -> CsvRow:
    return CsvRow(number, violations=(Violation("line", "INVALID_FORMAT", f"line {number}: {message}"),))
