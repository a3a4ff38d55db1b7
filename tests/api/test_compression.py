"""Compression of the OpenAPI document and of files of pages for clients that accept gzip; each form has its own tag."""

import gzip
from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

DOCUMENT = "/openapi.json"
FILES = ("/docs/assets/swagger-ui-bundle.js", "/docs/assets/swagger-ui.css", "/assets/docs.css", "/assets/pages.js")
PAGE = ("/docs", DOCUMENT, *FILES, "/assets/pages.css", "/assets/docs.js", "/assets/mark.svg")
"""All files that the reference loads."""
TAKES_GZIP = {"Accept-Encoding": "gzip, deflate, br"}


@pytest.mark.parametrize("path", [DOCUMENT, *FILES])
class TestGzip:
    """RFC 9110, sections 8.4 and 12.5.3."""

    def test_the_uncompressed_content_is_the_same(self, client: FlaskClient, path: str) -> None:
        with client.get(path) as plain, client.get(path, headers=TAKES_GZIP) as packed:
            assert gzip.decompress(packed.data) == plain.data
            assert packed.headers["Content-Encoding"] == "gzip"
            assert int(packed.headers["Content-Length"]) == len(packed.data) < len(plain.data)
            assert "Content-Encoding" not in plain.headers
            assert packed.mimetype == plain.mimetype
            assert "Accept-Encoding" in plain.vary
            assert "Accept-Encoding" in packed.vary

    def test_a_proxy_must_not_compress_it_again(self, client: FlaskClient, path: str) -> None:
        """RFC 9110, section 7.7: compression in the proxy would weaken or remove the strong entity tag (C20)."""
        for fields in ({}, TAKES_GZIP):
            with client.get(path, headers=fields) as response:
                assert response.cache_control.no_transform
                assert not response.get_etag()[1]

    def test_each_form_has_its_own_entity_tag(self, client: FlaskClient, path: str) -> None:
        """Section 8.8.3.3."""
        with client.get(path) as plain, client.get(path, headers=TAKES_GZIP) as packed:
            tags = plain.headers["ETag"], packed.headers["ETag"]
        assert tags[0] != tags[1]
        assert not any(tag.startswith("W/") for tag in tags)
        with client.get(path, headers={**TAKES_GZIP, "If-None-Match": tags[1]}) as again:
            assert (again.status_code, again.data, again.headers["ETag"]) == (304, b"", tags[1])
            assert "Accept-Encoding" in again.vary
        with client.get(path, headers={"If-None-Match": tags[1]}) as other:
            assert other.status_code == 200

    @pytest.mark.parametrize(
        ("accepted", "is_packed"),
        [
            ("gzip", True),
            ("GZIP;q=0.5", True),
            ("*", True),
            ("br;q=1, gzip;q=0.2, *;q=0", True),
            ("gzip;q=0", False),
            ("*;q=0", False),
            ("identity", False),
            ("identity, gzip;q=0.5", False),
            ("br, zstd", False),
            ("", False),
            ("nonsense;;q=,gzip2", False),
            ("br, " * 10_000 + "gzip", False),
        ],
    )
    def test_clients_that_do_not_accept_gzip_get_plain_content(
        self, client: FlaskClient, path: str, accepted: str, is_packed: bool
    ) -> None:
        """According to quality values; of a long field only the beginning counts."""
        with client.head(path, headers={"Accept-Encoding": accepted}) as response:
            assert response.status_code == 200
            assert ("Content-Encoding" in response.headers) == is_packed

    def test_head_has_the_same_length(self, client: FlaskClient, path: str) -> None:
        with client.get(path, headers=TAKES_GZIP) as answer, client.head(path, headers=TAKES_GZIP) as head:
            assert head.headers["Content-Length"] == answer.headers["Content-Length"]
            assert head.headers["ETag"] == answer.headers["ETag"]


def test_the_compressed_document_is_small(client: FlaskClient) -> None:
    """Under 45 KB."""
    assert len(client.get(DOCUMENT, headers=TAKES_GZIP).data) < 45_000


def test_the_compressed_reference_is_small(client: FlaskClient) -> None:
    """At most 520 KB, all files together."""
    total = 0
    for path in PAGE:
        with client.get(path, headers={**TAKES_GZIP, "Accept": "*/*"}) as response:
            assert response.status_code == 200
            total += len(response.data)
    assert total < 520_000


def test_versioned_resources_are_not_compressed(client: FlaskClient, bearer: Callable[..., dict[str, str]]) -> None:
    """C20: the tag of a resource identifies its bytes."""
    created = client.post("/v1/tasks", json={"task": {"title": "a" * 200}}, headers=bearer())
    answer = client.get(created.headers["Location"], headers={**bearer(), **TAKES_GZIP})
    assert "Content-Encoding" not in answer.headers
    assert answer.headers["ETag"] == created.headers["ETag"]
