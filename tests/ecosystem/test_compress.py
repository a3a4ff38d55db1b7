"""Flask-Compress: a compressed representation can be updated with its entity tag."""

import gzip
import json

import pytest
from flask_compress import Compress

LONG = ("word " * 190).strip()


@pytest.fixture
def read(app, client, bearer, empty_tables):
    """Return a task from a compressed response, and its URL."""
    Compress(app)
    created = client.post("/v1/tasks", json={"task": {"title": "big", "description": LONG}}, headers=bearer())
    url = created.headers["Location"]
    return client.get(url, headers={**bearer(), "Accept-Encoding": "gzip"}), url


def test_responses_are_compressed(read):
    response, _ = read
    assert response.headers["Content-Encoding"] == "gzip"
    assert json.loads(gzip.decompress(response.data))["description"] == LONG
    assert "Accept-Encoding" in response.vary
    assert int(response.headers["Content-Length"]) == len(response.data)


def test_if_match_with_the_tag_of_the_compressed_response(read, client, bearer):
    response, url = read
    condition = {**bearer(), "If-Match": response.headers["ETag"]}
    assert client.patch(url, json={"title": "changed"}, headers=condition).status_code == 200
    assert client.patch(url, json={"title": "stale"}, headers=condition).status_code == 412


def test_if_none_match_with_the_tag_of_the_compressed_response(read, client, bearer):
    response, url = read
    again = {**bearer(), "Accept-Encoding": "gzip", "If-None-Match": response.headers["ETag"]}
    answer = client.get(url, headers=again)
    assert (answer.status_code, answer.data) == (304, b"")
    assert answer.headers["ETag"] == response.headers["ETag"]
    client.patch(url, json={"title": "changed"}, headers=bearer())
    assert client.get(url, headers=again).status_code == 200


def test_small_responses_and_errors_are_not_compressed(read, client):
    for path in ("/healthz", "/nowhere"):
        assert "Content-Encoding" not in client.get(path, headers={"Accept-Encoding": "gzip"}).headers
