"""Flask-Session: server-side sessions."""

import pytest
from cachelib.file import FileSystemCache
from flask import session
from flask_session import Session

from app.rest.public_routes import public


@pytest.fixture
def counted(app, tmp_path):
    app.config.update(SESSION_TYPE="cachelib", SESSION_CACHELIB=FileSystemCache(str(tmp_path)))
    Session(app)

    @app.get("/visits")
    @public
    def visits():
        session["visits"] = session.get("visits", 0) + 1
        return {"visits": session["visits"]}


def test_a_session_persists_across_requests(counted, app, client):
    assert [client.get("/visits").json["visits"] for _ in range(2)] == [1, 2]
    assert app.test_client().get("/visits").json == {"visits": 1}


def test_routes_without_a_session_set_no_cookie(counted, client):
    assert "Set-Cookie" not in client.get("/healthz").headers
