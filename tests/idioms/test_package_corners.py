"""Less common uses of flask-smorest, Flask-Limiter, Flask-SQLAlchemy and ``create_app(config=…)``."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import marshmallow as ma
import pytest
import sqlalchemy as sa
from flask import Blueprint as PlainBlueprint
from flask import Flask
from flask.json.provider import DefaultJSONProvider
from flask.testing import FlaskClient
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app import create_app
from app.config import InvalidSettings, Settings
from app.rest.public_routes import public
from tests.idioms.kit import ON_FLASK, candor_only, problem


@candor_only
class TestConfig:
    def test_public_endpoints(self, settings: Settings) -> None:
        assert create_app(settings, config={"PUBLIC_ENDPOINTS": ["x"]}).config["PUBLIC_ENDPOINTS"] == ["x"]

    def test_debug(self, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
        assert create_app(settings, config={"DEBUG": True}).debug
        monkeypatch.setenv("FLASK_DEBUG", "1")
        assert create_app(settings).debug is True
        with pytest.raises(InvalidSettings, match="production"):
            create_app(replace(settings, app_env="production"))

    @pytest.mark.parametrize(
        ("name", "value", "variable"),
        [
            ("SQLALCHEMY_DATABASE_URI", "sqlite://", "DATABASE_URL"),
            ("MAX_CONTENT_LENGTH", 7, "MAX_BODY_BYTES"),
            ("RATE_LIMIT", "1 per day", "RATE_LIMIT"),
            ("PUBLIC_URL", "https://other.example", "PUBLIC_URL"),
        ],
    )
    def test_a_key_that_a_setting_controls_is_rejected(
        self, settings: Settings, monkeypatch: pytest.MonkeyPatch, name: str, value: Any, variable: str
    ) -> None:
        says = f"config= and FLASK_{name} cannot set {name}: set the environment variable {variable}"
        with pytest.raises(InvalidSettings, match=says):
            create_app(settings, config={name: value})
        monkeypatch.setenv(f"FLASK_{name}", str(value))
        with pytest.raises(InvalidSettings, match=says):
            create_app(settings)


class Money:
    """An object that JSON does not support."""

    def __init__(self, cents: int) -> None:
        self.cents = cents


class TestSmorest:
    def test_the_json_provider_of_the_application(self, app: Flask, blp, register) -> None:
        class Provider(DefaultJSONProvider):
            @staticmethod
            def default(value: Any) -> Any:
                return {"cents": value.cents} if isinstance(value, Money) else DefaultJSONProvider.default(value)

        app.json = Provider(app)

        @blp.route("/")
        @blp.response(200)
        def get():
            return {"price": Money(3)}, {"X-Own": "1"}

        response = register(blp).get("/pets/")
        assert (response.json, response.headers["X-Own"]) == ({"price": {"cents": 3}}, "1")

    def test_hooks_of_a_query_schema_get_all_values(self, blp, register) -> None:
        class Query(ma.Schema):
            tag = ma.fields.List(ma.fields.String())
            page = ma.fields.String()

            @ma.pre_load
            def join(self, data, **_):
                return {"page": data.getlist("page")[0] + "!", "tag": data.getlist("tag")}

        @blp.route("/")
        @blp.arguments(Query, location="query")
        @blp.response(200)
        def get(query):
            return query

        assert register(blp).get("/pets/?page=1&tag=a&tag=b").json == {"page": "1!", "tag": ["a", "b"]}

    def test_a_header_field_with_the_name_of_a_member(self, blp, register) -> None:
        @blp.route("/")
        @blp.arguments(ma.Schema.from_dict({"x_token": ma.fields.String(required=True)}), location="headers")
        @blp.response(200)
        def get(headers):
            return headers

        assert register(blp).get("/pets/", headers={"X-Token": "abc"}).json == {"x_token": "abc"}

    @candor_only
    def test_a_response_of_a_dict_of_fields(self, blp, register, api) -> None:
        @blp.route("/")
        @blp.response(200, {"shown": ma.fields.Integer()})
        def get():
            return {"shown": 1, "secret": 2}

        assert register(blp).get("/pets/").json == {"shown": 1}
        answer = api.spec.to_dict()["paths"]["/pets/"]["get"]["responses"]["200"]
        assert "shown" in str(answer["content"]["application/json"]["schema"])

    @candor_only
    def test_many_applies_to_bodies_only(self, blp) -> None:
        with pytest.raises(TypeError, match="many=True is for a list in JSON"):
            blp.arguments(ma.Schema.from_dict({"a": ma.fields.Integer()})(many=True), location="query")

    @candor_only
    def test_a_decorator_that_hides_the_arguments(self, blp, register, caplog: pytest.LogCaptureFixture) -> None:
        def hiding(view):
            return lambda *args, **kwargs: view(*args, **kwargs)

        @blp.route("/", methods=["POST"], endpoint="create")
        @hiding
        @blp.arguments({"a": ma.fields.Integer()})
        @blp.response(201)
        def post(data):
            return data

        assert register(blp).post("/pets/", json={"a": 1}).status_code == 500
        assert "lacks functools.wraps" in str([record.__dict__ for record in caplog.records])


def test_static_files_are_not_limited_by_default_limits(app: Flask, limiter, tmp_path: Path) -> None:
    app.config["RATELIMIT_DEFAULT"] = "1 per day"
    (tmp_path / "style.css").write_text("p {}")
    app.register_blueprint(public(PlainBlueprint("site", __name__, static_folder=tmp_path, static_url_path="/site")))
    app.add_url_rule("/view", "view", public(lambda: "ok"))
    if ON_FLASK:
        limiter.init_app(app)
    client = app.test_client()
    assert [client.get("/site/style.css", buffered=True).status_code for _ in range(3)] == [200, 200, 200]
    assert [client.get("/view").status_code for _ in range(2)] == [200, 429]


@pytest.mark.parametrize("settings_of_limiter", [{}, {"RATELIMIT_DEFAULT": "2 per day"}])
def test_views_without_a_name_are_limited(app: Flask, client: FlaskClient, settings_of_limiter: dict[str, str]) -> None:
    app.config |= settings_of_limiter
    app.add_url_rule("/view", "view", public(type("View", (), {"__call__": lambda self: "ok"})()))
    found = [client.get("/view").status_code for _ in range(3)]
    assert found == ([200, 200, 429] if settings_of_limiter and not ON_FLASK else [200, 200, 200])


@candor_only
class TestExpiry:
    """Entities expire at a commit, as in Flask-SQLAlchemy's manual, but not within units of work."""

    @pytest.fixture
    def models(self, app: Flask, db: SQLAlchemy) -> Any:
        class Author(db.Model):  # type: ignore[name-defined, misc]
            __tablename__ = "idioms_authors"
            id: Mapped[int] = mapped_column(primary_key=True)
            name: Mapped[str] = mapped_column(sa.Text)
            books: Mapped[list["Book"]] = relationship()

        class Book(db.Model):  # type: ignore[name-defined, misc]
            __tablename__ = "idioms_books"
            id: Mapped[int] = mapped_column(primary_key=True)
            author_id: Mapped[int] = mapped_column(sa.ForeignKey("idioms_authors.id"))

        Author.__annotations__["books"] = Mapped[list[Book]]
        with app.app_context():
            for model in (Author, Book):
                model.__table__.create(db.engine, checkfirst=True)
        yield Author, Book
        with app.app_context(), db.engine.begin() as connection:
            for model in (Book, Author):
                model.__table__.drop(connection)
        for model in (Book, Author):
            model.metadata.remove(model.__table__)
            model.registry._dispose_cls(model)

    def test_changes_of_other_sessions_are_seen(self, app: Flask, db: SQLAlchemy, models: Any) -> None:
        author, book = models
        with app.app_context():
            one = author(name="one")
            db.session.add(one)
            db.session.commit()
            assert one.books == []
            db.session.add(book(author_id=one.id))
            db.session.commit()
            assert len(one.books) == 1
            with db.engine.begin() as connection:
                connection.execute(sa.update(author).values(name="two"))
            db.session.commit()
            assert one.name == "two"


@candor_only
def test_uncaught_errors_of_the_database_are_problem_documents(app: Flask, client: FlaskClient, db: SQLAlchemy) -> None:
    app.add_url_rule("/slow", "slow", public(lambda: str(db.session.execute(sa.text("SELECT pg_sleep(3)")))))
    problem(client.get("/slow", headers={"Request-Timeout": "0.1"}), 504)
