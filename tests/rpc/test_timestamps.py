"""Timestamps of messages, compared with protobuf's conversion."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given
from hypothesis import strategies as st

from app.rpc.messages.timestamps import set_timestamp

INDIA = timezone(timedelta(hours=5, minutes=30))


def converted(moment: datetime) -> Timestamp:
    """Return the timestamp of a time."""
    found = Timestamp()
    set_timestamp(found, moment)
    return found


def expected(moment: datetime) -> Timestamp:
    """Return the timestamp that protobuf computes."""
    found = Timestamp()
    found.FromDatetime(moment)
    return found


@pytest.mark.parametrize(
    "moment",
    [
        datetime(1970, 1, 1, tzinfo=UTC),
        datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
        datetime(1, 1, 1, tzinfo=UTC),
        datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
        datetime(2026, 1, 1, 0, 0, 0, 1, tzinfo=INDIA),
    ],
)
def test_it_equals_the_conversion_of_protobuf(moment: datetime) -> None:
    assert converted(moment).SerializeToString() == expected(moment).SerializeToString()


@given(st.datetimes(timezones=st.sampled_from([UTC, INDIA])))
def test_every_time_is_converted_like_that(moment: datetime) -> None:
    assert converted(moment).SerializeToString() == expected(moment).SerializeToString()
