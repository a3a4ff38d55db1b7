"""The header field Accept: values of common clients, and values that match no grammar."""

import tracemalloc
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.rest import accept

JSON, HTML = "application/json", "text/html"

WELCOME: Final = {
    "curl": "*/*",
    "Java URLConnection": "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2",
    "Java URLConnection, older": "text/html, image/gif, *; q=.2, */*; q=.2",
    "Java URLConnection, newest": "*/*",
    "Android": "text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,*/*;q=0.8",
    "Chrome": "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8,"
    "application/signed-exchange;v=b3;q=0.7",
    "Firefox": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "Safari": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "Internet Explorer 8": "image/jpeg, application/x-ms-application, image/gif, application/xaml+xml, image/pjpeg, "
    "application/x-ms-xbap, application/x-shockwave-flash, application/msword, */*",
    "Internet Explorer 11": "text/html, application/xhtml+xml, image/jxr, */*",
    "Opera 12": "text/html, application/xml;q=0.9, application/xhtml+xml, image/png, image/webp, image/jpeg, "
    "image/gif, image/x-xbitmap, */*;q=0.1",
    "Opera 9": "text/html, application/xml;q=0.9, application/xhtml+xml;q=0.9, image/png, image/jpeg, image/gif, "
    "image/x-xbitmap, */*;q=0.1",
    "Konqueror": "text/html, image/jpeg;q=0.9, image/png;q=0.9, text/*;q=0.9, image/*;q=0.9, */*;q=0.8",
    "Lynx": "text/html, text/plain, text/sgml, text/css, application/xhtml+xml, */*;q=0.01",
    "w3m": "text/html, text/*;q=0.5, image/*, application/*, */*",
    "Wget": "*/*",
    "Postman": "*/*",
    "Insomnia": "*/*",
    "HTTPie": "application/json, */*;q=0.5",
    "jQuery": "application/json, text/javascript, */*; q=0.01",
    "axios": "application/json, text/plain, */*",
    "AngularJS": "application/json, text/plain, */*",
    "fetch": "*/*",
    "Swagger UI": "application/json",
    "Ruby Net::HTTP": "*/*",
    "Python requests": "*/*",
    "Perl LWP": "application/json",
    ".NET HttpClient": "application/json, text/json, text/x-json, text/javascript, application/xml, text/xml",
    "RestSharp": "application/json, text/json, text/x-json, text/javascript, application/xml, text/xml, *+json, *",
    "Spring RestTemplate": "application/json, application/*+json",
    "Spring with text": "text/plain, application/json, application/*+json, */*",
    "JAX-RS": "application/json;charset=UTF-8",
    "PowerShell": "*/*",
    "Prometheus": "application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,"
    "text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
    "feed reader": "application/feed+json, application/atom+xml, application/rss+xml;q=0.9, application/xml;q=0.8, "
    "*/*;q=0.7",
    "feed reader with odd weights": "application/atom+xml,application/rss+xml;q=.9,*/*;q=.1",
    "Googlebot": "text/html,application/xhtml+xml,application/signed-exchange;v=b3,application/xml;q=0.9,*/*;q=0.8",
    "kube-probe": "*/*",
    "Nagios": "text/html, */*",
    "Elastic Load Balancing": "*/*",
    "empty": "",
    "blank": "  ",
    "commas": ",,,",
    "weights with a decimal comma": "text/html;q=0,9, application/json;q=0,5",
    "a weight that is a word": "application/json;q=high",
    "a weight that is empty": "application/json;q=",
    "a weight without a value": "application/json;q",
    "a weight above one": "application/json;q=2",
    "a weight in per cent": "application/json;q=80%",
    "a weight below zero": "application/json;q=-1",
    "a weight in quotes": 'application/json;q="0.5"',
    "a weight of many digits": "application/json;q=0.123456789",
    "a capital Q": "application/json;Q=0.5",
    "blanks around everything": " application/json ; q = 0.5 ",
    "a weight that is not a number": "application/json;q=nan",
    "a weight that is infinite": "application/json;q=inf",
    "an unreadable field": "json",
    "an unreadable range next to another one": "html/, */json, application/json",
    "an unterminated quote": 'application/json;a="b',
    "a quoted comma": 'text/plain;a="x, y", application/json',
    "a trailing semicolon": "application/json;",
    "a star": "*",
    "a star of little weight": "*;q=.001",
    "not ASCII": "\xe4\xf6, application/json",
}
EXCLUDED: Final = {
    "another type": "text/html",
    "several others": "text/html, application/xml;q=0.9, image/png;q=.5",
    "weight zero": "application/json;q=0, */*",
    "weight zero of three digits": "application/json;q=0.000",
    "weight zero without a leading digit": "application/json;q=.0",
    "weight zero of many digits": "application/json;q=0.00000",
    "weight zero of a star": "*;q=0",
    "weight zero of all": "*/*; q=0",
    "an unreadable range next to a valid one": "json, text/html",
    "another version of the type": "application/json;version=2",
    "a related type": "application/vnd.api+json",
}


@pytest.mark.parametrize("field", WELCOME.values(), ids=WELCOME)
def test_values_of_common_clients_allow_json(field: str) -> None:
    assert accept.weight(field, JSON) > 0


@pytest.mark.parametrize("field", EXCLUDED.values(), ids=EXCLUDED)
def test_a_valid_value_that_excludes_json_excludes_it(field: str) -> None:
    assert accept.weight(field, JSON) == 0


@given(st.text(st.characters(max_codepoint=255), max_size=12).filter(lambda text: not set(text) & set(',;"')))
def test_only_a_weight_equal_to_zero_excludes(text: str) -> None:
    try:
        is_zero = float(text) == 0 and "_" not in text
    except ValueError:
        is_zero = False
    assert (accept.weight(f"{JSON};q={text}", JSON) == 0) <= is_zero


@given(st.text(st.characters(max_codepoint=255), max_size=60))
def test_no_value_raises_an_exception(text: str) -> None:
    assert 0 <= accept.weight(text, JSON) <= 1


@pytest.mark.parametrize("field", ['"' * 8000, ';q="' * 2000, 'a/b;c="\\' * 1000, ",a/b" * 2000, ";" * 8000])
def test_the_longest_irregular_values_are_parsed(field: str) -> None:
    assert accept.weight(field, JSON) in (0, 1)


@pytest.mark.parametrize(
    ("field", "weight"),
    [
        ("*/*;q=0.1, text/*;q=0.2, text/html;q=0.3", 0.3),
        ("*/*;q=0.1, text/*;q=0.2", 0.2),
        ("text/html;q=0.3, text/html;q=0.4", 0.4),
        ("text/html;q=0.3, text/html;level=1", 0.3),
        ("text/html;q=0.3;charset=utf-8, */*", 0.3),
        ("image/gif, *; q=.2, */*; q=.2", 0.2),
    ],
)
def test_the_most_specific_range_decides(field: str, weight: float) -> None:
    assert accept.weight(field, HTML) == weight


def test_the_parameters_of_a_type_are_part_of_it() -> None:
    assert accept.weight("text/csv", "text/csv; header=present") == 1
    assert accept.weight("text/csv;header=present;q=0.5, text/csv", "text/csv; header=present") == 0.5
    assert accept.weight("text/csv;header=absent", "text/csv; header=present") == 0


class TestLongFields:
    """Servers join repeated fields, so a field can be hundreds of kilobytes long."""

    @pytest.mark.parametrize("field", [f"{JSON}, " + "a/b;c=d," * 16_000, "*," * 64_000, f"{JSON}, " + '"' * 128_000])
    def test_only_the_beginning_is_parsed(self, field: str) -> None:
        assert accept.weight(field, JSON) == 1
        assert len(accept.parsed(field)) <= accept.MOST_RANGES
        assert len(accept.shortened(field)) <= accept.LONGEST

    def test_ranges_in_the_beginning_decide(self) -> None:
        field = f"{HTML};q=0.5, {JSON};q=0, " + "a/b," * 16_000
        assert (accept.weight(field, HTML), accept.weight(field, JSON)) == (0.5, 0)

    def test_the_remainder_is_ignored(self) -> None:
        assert accept.weight("a/b, " * 16_000 + JSON, JSON) == 0

    def test_a_range_that_is_cut_is_ignored(self) -> None:
        field = "*/*," + " " * (accept.LONGEST - 13) + "text/html;q=0"
        assert accept.weight(field, HTML) == 1

    @pytest.mark.parametrize("field", ['text/html;a="' + "x" * 16_000, "," * 16_000, " " * 16_000])
    def test_a_beginning_without_a_range_allows_everything(self, field: str) -> None:
        assert accept.weight(field, JSON) == 1

    def test_a_shortened_value_is_not_shortened_again(self) -> None:
        once = accept.shortened("a/b;c=d, " * 16_000)
        assert accept.shortened(once) == once

    def test_a_value_of_the_maximum_size_is_parsed_completely(self) -> None:
        field = ",".join(["a/b"] * (accept.MOST_RANGES - 1) + [HTML])
        assert accept.shortened(field) == field
        assert accept.weight(field, JSON) == 0

    def test_long_values_are_not_stored_completely(self) -> None:
        tracemalloc.start()
        try:
            for number in range(20):
                accept.weight(f"a/b{number}, " * 8_000, JSON)
            kept, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert kept < 1_000_000
