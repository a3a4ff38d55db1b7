"""Flask-WTF: forms and CSRF protection; the API is exempt, because it uses no cookies."""

import re

import pytest
from flask import render_template_string
from flask_wtf import CSRFProtect, FlaskForm
from wtforms import StringField
from wtforms.validators import DataRequired

from app.rest.public_routes import public
from tests.idioms.kit import problem


class Form(FlaskForm):
    name = StringField(validators=[DataRequired()])


@pytest.fixture
def csrf(app):
    app.config["SECRET_KEY"] = "of the tests"
    csrf = CSRFProtect(app)

    @app.route("/form", methods=["GET", "POST"])
    @public
    def form():
        form = Form()
        if form.validate_on_submit():
            return f"hello {form.name.data}"
        return render_template_string("{{ form.csrf_token }}{{ form.name }}", form=form)

    return csrf


def test_a_form_with_its_token_is_accepted(csrf, client):
    token = re.search('value="([^"]+)"', client.get("/form").text)[1]
    assert client.post("/form", data={"csrf_token": token, "name": "ada"}).text == "hello ada"


def test_without_the_token_it_is_400_with_its_reason(csrf, client):
    problem(client.post("/form", data={"name": "ada"}), 400, detail="The CSRF token is missing.")


def test_the_blueprints_of_the_api_are_exempt(csrf, app, client, bearer, empty_tables):
    for blueprint in app.blueprints.values():
        csrf.exempt(blueprint)
    assert client.post("/v1/tasks", json={"task": {"title": "x"}}, headers=bearer()).status_code == 201
    assert client.post("/form", data={"name": "ada"}).status_code == 400
