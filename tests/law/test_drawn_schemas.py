"""The decoder and the encoder return the same as marshmallow, for any schema of a user."""

from collections import Counter
from collections.abc import Callable
from copy import deepcopy
from datetime import UTC, datetime
from random import Random
from types import SimpleNamespace
from typing import Any, Final

import marshmallow as ma
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from app.errs.error import Violation
from app.wire.decode_context import DecodeContext
from app.wire.decoder import Decoder
from app.wire.encoder import Encoder, dumps
from app.wire.marshmallow_decoder import MarshmallowDecoder
from app.wire.validators import Breach
from tests.law.drawn_schemas import CASES, Drawn

pytestmark = pytest.mark.slow

NOW: Final = DecodeContext(datetime(2026, 11, 28, tzinfo=UTC))
CODES: Final = (
    ("Missing data for required field.", "REQUIRED_FIELD"),
    ("Field may not be null.", "REQUIRED_FIELD"),
    ("Unknown field.", "UNKNOWN_FIELD"),
    ("Invalid input type.", "INVALID_TYPE"),
    ("Invalid type.", "INVALID_TYPE"),
    *((f"Not a valid {kind}.", "INVALID_TYPE") for kind in ("string", "integer", "number", "boolean", "list")),
    *((f"Not a valid {kind}.", "INVALID_TYPE") for kind in ("mapping type", "tuple")),
    *((f"Not a valid {kind}.", "INVALID_FORMAT") for kind in ("datetime", "date", "UUID", "email address")),
    ("Shorter than minimum length", "TOO_SHORT"),
    ("Longer than maximum length", "TOO_LONG"),
    ("String does not match expected pattern.", "INVALID_FORMAT"),
)
"""Codes by the start of marshmallow's texts. All other texts have ``INVALID_VALUE``."""
SEEDS: Final = st.integers(0, 2**32 - 1)
PHASES: Final = (Phase.explicit, Phase.reuse, Phase.generate)
Reported = tuple[str, str, str]


def flattened(messages: Any, data: Any, path: tuple[Any, ...] = ()) -> list[Reported]:
    """Return location, code and message of every error that marshmallow reports."""
    if isinstance(messages, dict):
        found = []
        for step, each in messages.items():
            is_entry = bool(path) and str(path[-2:-1] or "").find("d") >= 0 and step in ("key", "value")
            unknown = [one for one in each if one == "Unknown field."] if step == "_schema" else []
            assert not unknown
            found += flattened(each, data, path if step == "_schema" or is_entry else (*path, step))
        return found
    if isinstance(messages, list):
        return [one for each in messages for one in flattened(each, data, path)]
    pointer = "#" + "".join(f"/{str(step).replace('~', '~0').replace('/', '~1')}" for step in path)
    if isinstance(messages, Breach):
        return [(pointer, messages.code, messages.message)]
    return [(pointer, _code(messages, _at(data, path), path), messages)]


def _code(text: str, value: Any, path: tuple[Any, ...]) -> str:
    if text.startswith("Length must be"):
        size, (low, high) = len(value), (2, 2) if "p" in str(path[-1]) else (1, 4)
        return "TOO_SHORT" if size < low else "TOO_LONG" if size > high else "INVALID_VALUE"
    code = next((code for begin, code in CODES if text.startswith(begin)), "INVALID_VALUE")
    return "INVALID_TYPE" if code == "INVALID_FORMAT" and not isinstance(value, str) else code


def _at(data: Any, path: tuple[Any, ...]) -> Any:
    for step in path:
        try:
            data = data[step]
        except (KeyError, IndexError, TypeError):
            return None
    return data


def reported(violation: Violation) -> Reported:
    """Return location, code and message of a violation; the message without the field name."""
    message = violation.message
    return str(violation.pointer), violation.code, message.removeprefix(f"{violation.field} ")


def by_marshmallow(schema: ma.Schema, data: Any) -> tuple[Any, list[Reported]]:
    """Return the result of marshmallow, or the errors that it reports."""
    try:
        return schema.load(data), []
    except ma.ValidationError as error:
        return None, sorted(flattened(error.messages, data))


def test_the_decoder_equals_marshmallow_load() -> None:
    ways, outcomes = Counter[bool](), Counter[bool]()

    def compare(case: Drawn, random: Random) -> None:
        decode = Decoder(case.schema)
        ways[decode.uncovered is None] += 1
        for _ in range(8):
            sent = case.data(random)
            expected = by_marshmallow(case.schema, deepcopy(sent))
            violations: list[Violation] = []
            value = decode(deepcopy(sent), NOW, violations)
            assert (value, sorted(map(reported, violations))) == expected
            outcomes[not violations] += 1
            if decode.uncovered is None:
                assert in_order(case.schema, deepcopy(sent)) == violations

    run(compare)
    assert share(ways) >= 1 / 3, ways
    assert share(outcomes) >= 1 / 12, outcomes


def in_order(schema: ma.Schema, data: Any) -> list[Violation]:
    """Return the violations of a supported schema whose data marshmallow still loads."""
    decode = Decoder(schema)
    decode._read = MarshmallowDecoder(schema).read
    violations: list[Violation] = []
    decode(data, NOW, violations)
    return violations


def test_the_encoder_equals_marshmallow_dump() -> None:
    ways = Counter[bool]()

    def compare(case: Drawn, random: Random) -> None:
        encode = Encoder(case.schema)
        ways[encode.uncovered is None] += 1
        value = case.held(random)
        for one in (value, SimpleNamespace(**value)):
            dumped = case.schema.dump(one)
            assert dumps(encode(one)) == dumps(dumped)
            names = random.sample(["t1", "n1", "o1", "w-key"], 2)
            assert dumps(encode.only(names)(one)) == dumps({key: each for key, each in dumped.items() if key in names})

    run(compare)
    assert share(ways) >= 1 / 3, ways


def run(compare: Callable[[Drawn, Random], None]) -> None:
    """Compare on schemas of each kind; shrinking is off, because it takes minutes and drawn cases are small."""
    for case, examples in CASES:
        once = given(case, SEEDS.map(Random))(compare)
        settings(max_examples=examples, deadline=None, phases=PHASES)(once)()


def share(counted: Counter[bool]) -> float:
    """Return the share of the rarer outcome."""
    return min(counted[True], counted[False]) / counted.total()
