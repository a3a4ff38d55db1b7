"""Flask-Login, on a cookie session."""

import flask_login
import pytest
from flask_login import LoginManager, UserMixin, login_required, login_user, logout_user

from app.rest.public_routes import public
from tests.idioms.kit import problem


class User(UserMixin):
    def __init__(self, name):
        self.id = name


@pytest.fixture
def login(app):
    app.config["SECRET_KEY"] = "of the tests"
    manager = LoginManager(app)
    manager.user_loader(User)

    @app.post("/login")
    @public
    def log_in():
        login_user(User("ada"))
        return "in"

    @app.get("/me")
    @public
    @login_required
    def me():
        return flask_login.current_user.id

    @app.post("/logout")
    @public
    @login_required
    def log_out():
        logout_user()
        return "out"

    return manager


def test_without_a_login_the_401_is_a_problem_document(login, client):
    response = client.get("/me")
    problem(response, 401)
    assert response.headers["WWW-Authenticate"] == 'Bearer realm="candor"'


def test_log_in_and_out(login, client):
    assert client.post("/login").text == "in"
    assert client.get("/me").text == "ada"
    assert client.post("/logout").text == "out"
    assert client.get("/me").status_code == 401


def test_its_login_view_gets_a_redirect(login, client):
    login.login_view = "log_in"
    response = client.get("/me")
    assert (response.status_code, response.location) == (302, "/login?next=%2Fme")


def test_a_login_is_not_a_token(login, client):
    client.post("/login")
    assert client.get("/v1/tasks").status_code == 401
