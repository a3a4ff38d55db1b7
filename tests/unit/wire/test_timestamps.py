"""Timestamps are RFC 3339 in UTC, microseconds kept (C14)."""

import re
from calendar import monthrange
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.wire import timestamps


class TestParse:
    def test_ok(self) -> None:
        assert timestamps.parse("2027-01-31T12:00:00Z") == datetime(2027, 1, 31, 12, tzinfo=UTC)

    @pytest.mark.parametrize(
        ("text", "moment"),
        [
            ("2027-01-31T12:00:00.5Z", datetime(2027, 1, 31, 12, 0, 0, 500_000, tzinfo=UTC)),
            ("2027-01-31T12:00:00.000001Z", datetime(2027, 1, 31, 12, 0, 0, 1, tzinfo=UTC)),
            ("2027-01-31t12:00:00z", datetime(2027, 1, 31, 12, tzinfo=UTC)),
            ("2027-01-31T12:00:00z", datetime(2027, 1, 31, 12, tzinfo=UTC)),
            ("2027-01-31t12:00:00.5+01:00", datetime(2027, 1, 31, 11, 0, 0, 500_000, tzinfo=UTC)),
            ("2027-01-31T00:30:00+01:00", datetime(2027, 1, 30, 23, 30, tzinfo=UTC)),
            ("2027-01-31T00:00:00-23:59", datetime(2027, 1, 31, 23, 59, tzinfo=UTC)),
            ("2027-01-31T00:00:00-00:00", datetime(2027, 1, 31, tzinfo=UTC)),
            ("2028-02-29T00:00:00Z", datetime(2028, 2, 29, tzinfo=UTC)),
            ("0001-01-01T00:00:00Z", datetime(1, 1, 1, tzinfo=UTC)),
            ("9999-12-31T23:59:59.999999Z", datetime.max.replace(tzinfo=UTC)),
        ],
    )
    def test_fractions_and_offsets_are_converted_to_utc(self, text: str, moment: datetime) -> None:
        parsed = timestamps.parse(text)
        assert (parsed, parsed.tzinfo) == (moment, UTC)

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "infinity",
            "-infinity",
            "epoch",
            "now",
            "2027-01-31",
            "2027-01-31 12:00:00Z",
            "2027-01-31T12:00:00",
            "2027-01-31T12:00Z",
            "2027-01-31T12:00:00.Z",
            "2027-01-31T12:00:00,5Z",
            "2027-01-31T12:00:00.1234567Z",
            "2027-01-31T12:00:00.123456789Z",
            "2027-01-31T12:00:60Z",
            "2027-01-31T24:00:00Z",
            "2027-01-31T12:60:00Z",
            "2027-01-31T12:00:00+25:00",
            "2027-01-31T12:00:00+24:00",
            "2027-01-31T12:00:00+01:60",
            "2027-01-31T12:00:00+0100",
            "2027-01-31T12:00:00+01",
            "2027-01-31T12:00:00+01:00:00",
            "2027-02-29T00:00:00Z",
            "2027-13-01T00:00:00Z",
            "2027-00-01T00:00:00Z",
            "0000-01-01T00:00:00Z",
            "10000-01-01T00:00:00Z",
            "+2027-01-31T12:00:00Z",
            "2027-W01-1T12:00:00Z",
            "20270131T120000Z",
            "２０２７-01-31T12:00:00Z",
            "2027-01-31T12:00:00Z\n",
            " 2027-01-31T12:00:00Z",
            "2027-01-31T12:00:00Z\0",
        ],
    )
    def test_any_other_format_is_rejected(self, text: str) -> None:
        with pytest.raises(ValueError, match=r"."):
            timestamps.parse(text)

    @pytest.mark.parametrize("text", ["0001-01-01T00:00:00+00:01", "9999-12-31T23:59:59-00:01"])
    def test_a_time_outside_the_calendar_in_utc_is_rejected(self, text: str) -> None:
        with pytest.raises(ValueError, match="outside the years"):
            timestamps.parse(text)

    @given(st.text(max_size=30))
    def test_any_text_raises_only_the_declared_error(self, text: str) -> None:
        with pytest.raises(ValueError, match=r"."):
            timestamps.parse(text)


class TestRender:
    @pytest.mark.parametrize(
        ("moment", "text"),
        [
            (datetime(2027, 1, 31, 12, tzinfo=UTC), "2027-01-31T12:00:00Z"),
            (datetime(2027, 1, 31, 12, 0, 0, 120, tzinfo=UTC), "2027-01-31T12:00:00.000120Z"),
            (datetime(2027, 1, 31, 1, tzinfo=timezone(timedelta(hours=2))), "2027-01-30T23:00:00Z"),
            (datetime(1, 1, 1, tzinfo=UTC), "0001-01-01T00:00:00Z"),
        ],
    )
    def test_times_are_written_in_utc_without_a_zero_fraction(self, moment: datetime, text: str) -> None:
        assert timestamps.render(moment) == text

    def test_a_time_without_a_time_zone_is_rejected(self) -> None:
        with pytest.raises(ValueError, match="time zone"):
            timestamps.render(datetime(2027, 1, 31))  # noqa: DTZ001 -- on purpose

    @given(st.datetimes(timezones=st.just(UTC)))
    def test_a_written_time_is_parsed_to_itself(self, moment: datetime) -> None:
        assert timestamps.parse(timestamps.render(moment)) == moment


class TestDocumented:
    """The pattern in OpenAPI and the description match the parser."""

    @given(st.from_regex(timestamps.PATTERN, fullmatch=True))
    def test_text_that_matches_the_pattern_is_parsed_if_the_date_exists(self, text: str) -> None:
        try:
            assert timestamps.parse(text).utcoffset() == timedelta(0)
        except ValueError:
            year, month, day = int(text[:4]), int(text[5:7]), int(text[8:10])
            lacks = not 1 <= month <= 12 or not 1 <= day <= monthrange(year, month)[1]
            assert lacks or year in {1, 9999}

    @given(st.datetimes(timezones=st.just(UTC)), st.booleans())
    def test_written_times_match_the_pattern(self, moment: datetime, is_small: bool) -> None:
        text = timestamps.render(moment)
        assert re.search(timestamps.PATTERN, text)
        assert timestamps.parse(text.lower() if is_small else text) == moment
