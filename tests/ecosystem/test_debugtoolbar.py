"""Flask-DebugToolbar: it replaces ``app.dispatch_request``; its pages require a token until listed as public."""

import pytest
from flask_debugtoolbar import DebugToolbarExtension

from app.extensions import db
from app.rest.public_routes import public


@pytest.fixture
def toolbar(app):
    app.config.update(
        SECRET_KEY="of the tests", DEBUG_TB_ENABLED=True, SQLALCHEMY_RECORD_QUERIES=True, DEBUG_TB_HOSTS=["127.0.0.1"]
    )
    DebugToolbarExtension(app)

    @app.get("/page")
    @public
    def page():
        db.session.execute(db.text("SELECT 'seen by the toolbar'"))
        return "<html><body>page</body></html>"


def test_it_is_on_a_page_and_shows_the_queries(toolbar, client):
    text = client.get("/page").text
    assert "flDebug" in text
    assert "seen by the toolbar" in text


def test_json_and_errors_are_unchanged(toolbar, client):
    assert client.get("/nowhere").json["code"] == "ROUTE_NOT_FOUND"
    assert client.get("/healthz").mimetype == "application/json"


def test_its_files_require_a_token_until_they_are_listed(toolbar, app, client):
    assert client.get("/_debug_toolbar/static/css/toolbar.css").status_code == 401


def test_its_files_are_public_once_they_are_listed(toolbar, app, client):
    app.config["PUBLIC_ENDPOINTS"] = ["_debug_toolbar.static"]
    with client.get("/_debug_toolbar/static/css/toolbar.css") as response:
        assert (response.status_code, response.mimetype) == (200, "text/css")
