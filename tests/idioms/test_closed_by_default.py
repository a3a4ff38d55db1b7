"""The intended difference from Flask: a route needs a valid token and has a rate limit unless declared public."""

from collections.abc import Callable

import pytest
from flask import Blueprint, Flask
from flask.testing import FlaskClient
from flask.views import MethodView

from app.rest.public_routes import public
from tests.idioms.kit import candor_only, problem

pytestmark = candor_only
Bearer = Callable[..., dict[str, str]]
CHALLENGE = 'Bearer realm="candor"'


def test_a_route_requires_a_token(app: Flask, client: FlaskClient, bearer: Bearer) -> None:
    @app.get("/secret")
    def secret():
        return "secret"

    response = client.get("/secret")
    problem(response, 401)
    assert response.headers["WWW-Authenticate"] == CHALLENGE
    assert client.get("/secret", headers=bearer()).text == "secret"


def test_a_plain_route_ignores_scopes(app: Flask, client: FlaskClient, bearer: Bearer) -> None:
    app.add_url_rule("/secret", "secret", lambda: "secret")
    assert client.get("/secret", headers=bearer("carol", "account")).text == "secret"


def test_an_invalid_token_is_401_with_its_reason(app: Flask, client: FlaskClient) -> None:
    app.add_url_rule("/secret", "secret", lambda: "secret")
    response = client.get("/secret", headers={"Authorization": "Bearer nonsense"})
    problem(response, 401)
    assert 'error="invalid_token"' in response.headers["WWW-Authenticate"]


def test_a_public_view_ignores_an_invalid_token(app: Flask, client: FlaskClient) -> None:
    app.add_url_rule("/open", "open", public(lambda: "open"))
    assert client.get("/open", headers={"Authorization": "Bearer nonsense"}).text == "open"


@pytest.mark.parametrize("method", ["get", "head", "post", "put", "patch", "delete"])
def test_every_method_requires_a_token(app: Flask, client: FlaskClient, bearer: Bearer, method: str) -> None:
    methods = ["GET", "POST", "PUT", "PATCH", "DELETE"]
    app.add_url_rule("/secret", "secret", lambda: "secret", methods=methods)
    assert getattr(client, method)("/secret").status_code == 401
    assert getattr(client, method)("/secret", headers=bearer()).status_code == 200


def test_a_route_of_a_blueprint_requires_a_token(app: Flask, client: FlaskClient, bearer: Bearer) -> None:
    bp = Blueprint("reports", __name__, url_prefix="/v1/reports")
    bp.add_url_rule("/<int:number>", "show", lambda number: f"report {number}")
    app.register_blueprint(bp)
    problem(client.get("/v1/reports/1"), 401)
    assert client.get("/v1/reports/1", headers=bearer()).text == "report 1"


def test_a_blueprint_is_public_with_all_its_routes(app: Flask, client: FlaskClient) -> None:
    bp = public(Blueprint("pages", __name__, url_prefix="/pages"))
    bp.add_url_rule("/a", "a", lambda: "a")
    bp.add_url_rule("/b", "b", lambda: "b", methods=["POST"])
    app.register_blueprint(bp)
    assert client.get("/pages/a").text == "a"
    assert client.post("/pages/b").text == "b"


def test_a_public_blueprint_makes_nested_ones_public(app: Flask, client: FlaskClient) -> None:
    parent, child = Blueprint("parent", __name__, url_prefix="/parent"), Blueprint("child", __name__)
    child.add_url_rule("/child", "show", lambda: "child")
    parent.register_blueprint(child)
    app.register_blueprint(public(parent))
    assert client.get("/parent/child").text == "child"


def test_a_public_child_does_not_make_its_parent_public(app: Flask, client: FlaskClient) -> None:
    parent, child = Blueprint("parent", __name__, url_prefix="/parent"), public(Blueprint("child", __name__))
    parent.add_url_rule("/own", "own", lambda: "own")
    child.add_url_rule("/child", "show", lambda: "child")
    parent.register_blueprint(child)
    app.register_blueprint(parent)
    assert client.get("/parent/child").text == "child"
    problem(client.get("/parent/own"), 401)


def test_a_public_blueprint_does_not_affect_one_with_a_longer_name(app: Flask, client: FlaskClient) -> None:
    app.register_blueprint(public(Blueprint("page", __name__)))
    other = Blueprint("pages", __name__)
    other.add_url_rule("/pages", "list", lambda: "pages")
    app.register_blueprint(other)
    problem(client.get("/pages"), 401)


def test_a_method_view_is_public_as_a_class(app: Flask, client: FlaskClient) -> None:
    @public
    class Item(MethodView):
        def get(self):
            return "get"

        def delete(self):
            return "", 204

    app.add_url_rule("/item", view_func=Item.as_view("item"))
    assert client.get("/item").text == "get"
    assert client.delete("/item").status_code == 204


def test_one_method_of_a_method_view_is_public(app: Flask, client: FlaskClient) -> None:
    class Item(MethodView):
        @public
        def get(self):
            return "get"

        def delete(self):
            return "", 204

    class Other(Item):
        def get(self):
            return "other"

    app.add_url_rule("/item", view_func=Item.as_view("item"))
    app.add_url_rule("/other", view_func=Other.as_view("other"))
    assert client.get("/item").text == "get"
    assert client.head("/item").status_code == 200
    problem(client.delete("/item"), 401)
    problem(client.get("/other"), 401)


def test_a_subclass_of_a_public_view_class_needs_its_own_mark(app: Flask, client: FlaskClient) -> None:
    class Item(MethodView):
        def get(self):
            return "get"

    app.add_url_rule("/closed", view_func=Item.as_view("closed"))
    app.add_url_rule("/open", view_func=public(type("Open", (Item,), {})).as_view("open"))
    problem(client.get("/closed"), 401)
    assert client.get("/open").text == "get"


@pytest.mark.parametrize("kind", [list, tuple, set])
def test_views_of_packages_are_made_public_by_endpoint(app: Flask, client: FlaskClient, kind: type) -> None:
    extension = Blueprint("ext", __name__, url_prefix="/ext")
    extension.add_url_rule("/page", "page", lambda: "page")
    extension.add_url_rule("/admin", "admin", lambda: "admin")
    app.register_blueprint(extension)
    app.config["PUBLIC_ENDPOINTS"] = kind(["ext.page"])
    assert client.get("/ext/page").text == "page"
    problem(client.get("/ext/admin"), 401)


def test_a_blueprints_static_files_require_a_token_until_listed(app: Flask, client: FlaskClient, tmp_path) -> None:
    (tmp_path / "style.css").write_text("p {}")
    app.register_blueprint(Blueprint("site", __name__, static_folder=tmp_path, static_url_path="/site"))
    app.register_blueprint(Blueprint("shop", __name__, static_folder=tmp_path, static_url_path="/shop"))
    app.config["PUBLIC_ENDPOINTS"] = ["site.static"]
    with client.get("/site/style.css") as response:
        assert response.text == "p {}"
    problem(client.get("/shop/style.css"), 401)


def test_a_route_of_this_project_cannot_be_made_public(app: Flask, client: FlaskClient) -> None:
    problem(client.get("/v1/tasks"), 401)


def test_a_view_on_two_routes_is_public_on_both(app: Flask, client: FlaskClient) -> None:
    @app.get("/one")
    @app.get("/two")
    @public
    def view():
        return "view"

    assert (client.get("/one").text, client.get("/two").text) == ("view", "view")


def test_an_unknown_path_is_404_before_any_token_is_read(client: FlaskClient) -> None:
    problem(client.get("/nowhere"), 404, code="ROUTE_NOT_FOUND")


@pytest.mark.parametrize("mark", [public, lambda view: view])
def test_every_route_counts_against_the_rate_limit(make_application, bearer: Bearer, mark) -> None:
    app = make_application(rate_limit="2 per minute")
    app.add_url_rule("/counted", "counted", mark(lambda: "counted"))
    client = app.test_client()
    answers = [client.get("/counted", headers=bearer()) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[0].headers["RateLimit-Policy"] == '"default";q=2;w=60'
    assert answers[0].headers["RateLimit"].startswith('"default";r=1;t=')
    assert problem(answers[2], 429, code="RATE_LIMIT_EXCEEDED")["retry_after"] == int(answers[2].headers["Retry-After"])


def test_a_request_without_a_token_counts(make_application) -> None:
    app = make_application(rate_limit="1 per minute")
    app.add_url_rule("/secret", "secret", lambda: "secret")
    client = app.test_client()
    assert [client.get("/secret").status_code for _ in range(2)] == [401, 429]


def test_the_log_contains_the_line_that_would_make_it_public(app, client, caplog: pytest.LogCaptureFixture) -> None:
    app.add_url_rule("/secret", "secret_page", lambda: "secret")
    with caplog.at_level("INFO"):
        client.get("/secret")
    assert any("public" in message and "secret_page" in message for message in caplog.messages)


@pytest.mark.parametrize("wrong", ["", "x", 3, None, [1]])
def test_the_mark_rejects_unsupported_objects(wrong) -> None:
    with pytest.raises(TypeError):
        public(wrong)


def test_the_mark_returns_the_view_itself() -> None:
    def view():
        return "view"

    assert public(view) is view
    bp = Blueprint("bp", __name__)
    assert public(bp) is bp
