"""Flask-CORS: it applies to its origins, with one Access-Control-Allow-Origin in each response."""

import pytest
from flask_cors import CORS

ORIGIN = "https://shop.example"


@pytest.fixture
def cors(app):
    CORS(app, origins=[ORIGIN], expose_headers=["ETag"])


@pytest.mark.parametrize(("path", "status"), [("/healthz", 200), ("/v1/tasks", 401), ("/nowhere", 404)])
def test_the_origin_can_read_responses(cors, client, path, status):
    response = client.get(path, headers={"Origin": ORIGIN})
    assert response.status_code == status
    assert response.headers.getlist("Access-Control-Allow-Origin") == [ORIGIN]
    assert response.headers["Access-Control-Expose-Headers"] == "ETag"
    assert "Origin" in response.vary


def test_an_origin_that_both_allow_occurs_once(cors, app, client):
    app.config["CORS_ORIGINS"] = (ORIGIN,)
    response = client.get("/healthz", headers={"Origin": ORIGIN})
    assert response.headers.getlist("Access-Control-Allow-Origin") == [ORIGIN]
    assert response.headers.getlist("Access-Control-Expose-Headers") == ["ETag"]


def test_another_origin_cannot_read_responses(cors, client):
    assert (
        "Access-Control-Allow-Origin" not in client.get("/healthz", headers={"Origin": "https://else.example"}).headers
    )


def test_preflight(cors, client):
    asks = {"Origin": ORIGIN, "Access-Control-Request-Method": "PATCH", "Access-Control-Request-Headers": "if-match"}
    response = client.options("/v1/tasks", headers=asks)
    assert response.status_code == 204
    assert response.headers.getlist("Access-Control-Allow-Origin") == [ORIGIN]
    assert "PATCH" in response.headers["Access-Control-Allow-Methods"]
    assert response.headers["Access-Control-Allow-Headers"] == "if-match"
