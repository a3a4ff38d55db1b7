"""Valid bodies, and the exact errors for invalid ones."""

from typing import Any

import pytest

from tests.api.caller import BATCH, JSON, TASKS, WRITES, Caller, answered, rejected, violated

every_write = pytest.mark.parametrize(("method", "path"), WRITES)
TITLED = b'{"task":{"title":"%b"}}'

MALFORMED: list[tuple[bytes, int | None]] = [
    (b"{", 2),
    (b"[1,]", 4),
    (b'{"a":1,}', 8),
    (b'{"a" 1}', 6),
    (b"{'a':1}", 2),
    (b"{a:1}", 2),
    (b'{"a":1} x', 9),
    (b"{}{}", 3),
    (b"{} {}", 4),
    (b"tru", 4),
    (b"nul", 4),
    (b"NaN", 1),
    (b'{"a":NaN}', 6),
    (b'{"a":Infinity}', 6),
    (b'{"a":-Infinity}', 6),
    (b'{"a":1e400}', 6),
    (b'{"a":-1e400}', 6),
    (b'{"a":1E+99999}', 6),
    (b'{"a":1' + b"0" * 400 + b"}", 6),
    (b'{"a":' + b"9" * 4301 + b"}", 6),
    (b'{"a":01}', 7),
    (b'{"a":+1}', 6),
    (b'{"a":.5}', 6),
    (b'{"a":1.}', 8),
    (b'{"a":0x10}', 7),
    (b'{"a":1,"a":2}', 8),
    (b'{"a":1,"\\u0061":2}', 8),
    (b'{"x":{"a":1,"a":2}}', 13),
    (b'{"a":"\x00"}', 7),
    (b"\x00", 1),
    (b'{"a":"\x1f"}', 7),
    (b'{"a":"\n"}', 7),
    (b'{"a":"\\x41"}', 8),
    (b'{"a":"\\ud800"}', 7),
    (b'{"a":"\\udc00"}', 7),
    (b'{"a":"\\udc00\\ud800"}', 7),
    (b'{"\\ud800":1}', 3),
    (b'{"a":"\\ud83d\\u0041"}', 7),
    (b'{"a":"\xff"}', 7),
    (b'{"a":"\xc0\xaf"}', 7),
    (b'{"a":"\xed\xa0\x80"}', 7),
    (b'{"\xc3\xa9":"\xff"}', 8),
    (b"\xef\xbb\xbf{}", 1),
    ("{}".encode("utf-16"), 1),
    ("{}".encode("utf-16-le"), 2),
    ("{}".encode("utf-32"), 1),
    (b"// x\n{}", 1),
    (b"{/**/}", 2),
    (b"\x0b{}", 1),
    (b"[" * 10_000, None),  # the position depends on the allowed depth
    (b'{"a":' * 1000 + b"1" + b"}" * 1000, None),
]


class TestMalformedJson:
    """400 MALFORMED_JSON, with the position."""

    @pytest.mark.parametrize(("body", "position"), MALFORMED, ids=lambda x: repr(x)[:30])
    @every_write
    def test_the_first_invalid_byte_is_reported(
        self, alice: Caller, method: str, path: str, body: bytes, position: int | None
    ) -> None:
        """``detail`` contains the position, counted in bytes from 1."""
        document = rejected(alice.send(method, path, data=body, content_type=JSON), 400, "MALFORMED_JSON")
        assert position in {None, document["position"]}
        assert f"at character {document['position']}" in document["detail"]
        assert document["reason"] in document["detail"]

    @pytest.mark.parametrize("body", [b"", b" ", b"\t\r\n "])
    @every_write
    def test_an_empty_body_is_reported_as_empty(self, alice: Caller, method: str, path: str, body: bytes) -> None:
        rejected(alice.send(method, path, data=body, content_type=JSON), 400, "EMPTY_BODY")

    @every_write
    def test_a_missing_body_is_reported_as_empty(self, alice: Caller, method: str, path: str) -> None:
        """Missing or empty, with or without a type."""
        rejected(alice.send(method, path), 400, "EMPTY_BODY")

    def test_no_item_of_a_malformed_batch_is_written(self, alice: Caller) -> None:
        body = b'{"requests":[{"task":{"title":"a"}},{"task":{"title":"b","due_date":NaN}}]}'
        rejected(alice.post(BATCH, data=body, content_type=JSON), 400, "MALFORMED_JSON")
        assert alice.titles() == []

    def test_a_rejected_number_is_not_repeated(self, alice: Caller) -> None:
        """The response does not contain it."""
        response = alice.post(data=b'{"a":' + b"7" * 5000 + b"}", content_type=JSON)
        assert "7" * 20 not in response.get_data(as_text=True)


class TestTopLevel:
    """JSON that is not an object."""

    @pytest.mark.parametrize("body", [b"null", b"[]", b'"x"', b"1", b"true", b"1.5", b" [ ] ", b"-0"])
    @every_write
    def test_it_is_a_violation(self, alice: Caller, method: str, path: str, body: bytes) -> None:
        assert violated(alice.send(method, path, data=body, content_type=JSON)) == [("body", "INVALID_TYPE")]

    @pytest.mark.parametrize(
        ("path", "body", "expected"),
        [
            (TASKS, {"task": None}, ("task", "REQUIRED_FIELD")),
            (TASKS, {"task": []}, ("task", "INVALID_TYPE")),
            (TASKS, {"task": "x"}, ("task", "INVALID_TYPE")),
            (TASKS, {}, ("task", "REQUIRED_FIELD")),
            (BATCH, {"requests": None}, ("requests", "REQUIRED_FIELD")),
            (BATCH, {"requests": {}}, ("requests", "INVALID_TYPE")),
            (BATCH, {"requests": [None]}, ("requests[0]", "REQUIRED_FIELD")),
            (BATCH, {"requests": [[]]}, ("requests[0]", "INVALID_TYPE")),
            (BATCH, {"requests": [{}]}, ("requests[0].task", "REQUIRED_FIELD")),
            (BATCH, {"requests": [{"task": 1}]}, ("requests[0].task", "INVALID_TYPE")),
            (BATCH, {}, ("requests", "REQUIRED_FIELD")),
        ],
        ids=str,
    )
    def test_a_nested_object_must_be_an_object_too(
        self, alice: Caller, path: str, body: Any, expected: tuple[str, str]
    ) -> None:
        assert violated(alice.post(path, json=body)) == [expected]


class TestContentType:
    """415, with the accepted media types."""

    @pytest.mark.parametrize(
        "content_type",
        [
            None,
            "",
            "text/plain",
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=x",
            "application/jsonp",
            "application/problem+json",
            "application/vnd.api+json",
            "application/json; charset=utf-16",
            "application/json; charset=utf-7",
            "application/json; charset=latin-1",
            "application/json, text/plain",
            "application/json, application/json",
            "json",
            "*/*",
        ],
    )
    @every_write
    def test_another_media_type_or_none_is_415(
        self, alice: Caller, method: str, path: str, content_type: str | None
    ) -> None:
        """Accept-Post or Accept-Patch names the accepted media types."""
        response = alice.send(method, path, data=b"{}", content_type=content_type)
        document = rejected(response, 415, "UNSUPPORTED_MEDIA_TYPE")
        assert response.headers[f"Accept-{method.capitalize()}"] == ", ".join(document["supported"])
        assert "application/json" in document["supported"]
        assert "Accept-Encoding" not in response.headers

    @pytest.mark.parametrize(
        "content_type",
        [
            "application/json",
            "APPLICATION/JSON",
            "application/json;charset=utf-8",
            'application/json; charset="UTF-8"',
            "application/json ; charset=utf8",
            "application/json; charset='utf-8'",
            "application/json; charset",
            "application/json; charset=",
            "application/json;; charset=utf-8;",
            "application/json; odata=verbose; x",
        ],
    )
    def test_every_spelling_of_json_in_utf_8_is_accepted(self, alice: Caller, content_type: str) -> None:
        answered(alice.post(data=TITLED % b"x", content_type=content_type), 201)

    def test_merge_patch_is_for_patch_only(self, alice: Caller) -> None:
        body: dict[str, Any] = {"data": b"{}", "content_type": "application/merge-patch+json"}
        for path in (TASKS, BATCH):
            response = alice.post(path, **body)
            assert rejected(response, 415, "UNSUPPORTED_MEDIA_TYPE")["supported"] == [JSON]
        answered(alice.patch(f"/v1/{alice.task()['name']}", **body))

    @pytest.mark.parametrize("coding", ["gzip", "br", "deflate", "zstd", "identity", "gzip, gzip", "x"])
    @pytest.mark.parametrize("body", [b"{}", b"\x1f\x8b", b""])
    @every_write
    def test_any_content_encoding_is_415(self, alice: Caller, method: str, path: str, coding: str, body: bytes) -> None:
        """Accept-Encoding contains identity."""
        response = alice.send(method, path, data=body, content_type=JSON, headers={"Content-Encoding": coding})
        rejected(response, 415, "UNSUPPORTED_MEDIA_TYPE")
        assert response.headers["Accept-Encoding"] == "identity"
