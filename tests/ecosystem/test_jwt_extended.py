"""Flask-JWT-Extended: its tokens on public routes; neither side accepts the other's tokens."""

import pytest
from flask_jwt_extended import JWTManager, create_access_token, get_jwt_identity, jwt_required

from app.rest.public_routes import public
from tests.idioms.kit import problem


@pytest.fixture
def own_token(app):
    app.config["JWT_SECRET_KEY"] = "another secret, which has 32 bytes at least"
    JWTManager(app)

    @app.get("/own")
    @public
    @jwt_required()
    def own():
        return {"user": get_jwt_identity()}

    with app.app_context():
        return {"Authorization": f"Bearer {create_access_token('ada')}"}


def test_its_token_is_accepted_on_its_route(own_token, client):
    assert client.get("/own", headers=own_token).json == {"user": "ada"}


def test_its_401_has_its_own_format(own_token, client):
    response = client.get("/own")
    assert (response.status_code, response.json) == (401, {"msg": "Missing Authorization Header"})


def test_neither_accepts_the_tokens_of_the_other(own_token, client, bearer):
    problem(client.get("/v1/tasks", headers=own_token), 401)
    assert client.get("/own", headers=bearer()).status_code == 422
