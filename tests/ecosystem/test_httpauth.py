"""Flask-HTTPAuth: Basic on a public route, with its own challenge."""

import pytest
from flask_httpauth import HTTPBasicAuth

from app.rest.public_routes import public


@pytest.fixture
def guarded(app):
    auth = HTTPBasicAuth()
    auth.verify_password(lambda name, password: name if (name, password) == ("ada", "secret") else None)

    @app.get("/guarded")
    @public
    @auth.login_required
    def guarded():
        return auth.current_user()


def test_basic(guarded, client):
    assert client.get("/guarded", auth=("ada", "secret")).text == "ada"


def test_its_401_has_its_own_challenge(guarded, client):
    response = client.get("/guarded")
    assert response.status_code == 401
    assert response.headers.getlist("WWW-Authenticate") == ['Basic realm="Authentication Required"']


def test_basic_credentials_are_not_a_token(guarded, client):
    assert client.get("/v1/tasks", auth=("ada", "secret")).status_code == 401
