"""Blueprints, as in the chapter on modular applications."""

import pytest
from flask import Blueprint, Flask, g, render_template, request, url_for
from flask.testing import FlaskClient

from app.rest.public_routes import public
from tests.idioms.kit import problem


@pytest.fixture
def bp() -> Blueprint:
    """Return a public blueprint at ``/pages``."""
    return public(Blueprint("pages", __name__, url_prefix="/pages"))


def test_routes_of_a_blueprint(app: Flask, client: FlaskClient, bp: Blueprint) -> None:
    @bp.route("/<page>")
    def show(page):
        return f"{page}: {url_for('.show', page='next')}, {request.blueprint}"

    app.register_blueprint(bp)
    assert client.get("/pages/index").text == "index: /pages/next, pages"
    assert "pages" in app.blueprints


def test_a_prefix_set_at_registration(app: Flask, client: FlaskClient) -> None:
    bp = public(Blueprint("pages", __name__))
    bp.add_url_rule("/", "index", lambda: "index")
    app.register_blueprint(bp, url_prefix="/other")
    assert client.get("/other/").text == "index"


def test_registered_twice_under_two_names(app: Flask, client: FlaskClient, bp: Blueprint) -> None:
    bp.add_url_rule("/index", "index", lambda: f"{request.endpoint} at {url_for('.index')}")
    app.register_blueprint(bp)
    app.register_blueprint(bp, name="also", url_prefix="/also")
    assert client.get("/pages/index").text == "pages.index at /pages/index"
    assert client.get("/also/index").text == "also.index at /also/index"


def test_two_blueprints_of_one_name_are_rejected(app: Flask, bp: Blueprint) -> None:
    app.register_blueprint(bp)
    with pytest.raises(ValueError, match="already registered"):
        app.register_blueprint(Blueprint("pages", __name__))


def test_nested_blueprints(app: Flask, client: FlaskClient) -> None:
    parent = public(Blueprint("parent", __name__, url_prefix="/parent"))
    child = Blueprint("child", __name__, url_prefix="/child")

    @child.get("/create")
    def create():
        return f"{url_for('parent.child.create')} {','.join(request.blueprints)}"

    parent.register_blueprint(child)
    app.register_blueprint(parent)
    assert client.get("/parent/child/create").text == "/parent/child/create parent.child,parent"


def test_hooks_of_a_blueprint_run_only_for_its_routes(app: Flask, client: FlaskClient, bp: Blueprint) -> None:
    called = []
    bp.before_request(lambda: called.append("before"))
    bp.after_request(lambda response: called.append("after") or response)
    bp.add_url_rule("/x", "x", lambda: called.append("view") or "x")
    app.register_blueprint(bp)
    app.add_url_rule("/other", "other", public(lambda: "other"))
    client.get("/other")
    assert called == []
    client.get("/pages/x")
    assert called == ["before", "view", "after"]


def test_hooks_of_a_blueprint_run_inside_the_applications(app: Flask, client: FlaskClient, bp: Blueprint) -> None:
    called = []
    bp.before_request(lambda: called.append("blueprint"))
    bp.after_request(lambda response: called.append("after, blueprint") or response)
    app.before_request(lambda: called.append("application"))
    app.after_request(lambda response: called.append("after, application") or response)
    bp.add_url_rule("/x", "x", lambda: "x")
    app.register_blueprint(bp)
    client.get("/pages/x")
    assert called == ["application", "blueprint", "after, blueprint", "after, application"]


def test_hooks_of_parents_run_before_those_of_children(app: Flask, client: FlaskClient) -> None:
    called = []
    parent, child = public(Blueprint("parent", __name__)), Blueprint("child", __name__)
    parent.before_request(lambda: called.append("parent"))
    child.before_request(lambda: called.append("child"))
    child.add_url_rule("/x", "x", lambda: "x")
    parent.register_blueprint(child)
    app.register_blueprint(parent)
    client.get("/x")
    assert called == ["parent", "child"]


def test_teardown_of_a_blueprint(app: Flask, bp: Blueprint) -> None:
    called = []
    bp.teardown_request(called.append)
    bp.add_url_rule("/x", "x", lambda: "x")
    app.register_blueprint(bp)
    app.test_client().get("/pages/x")
    assert called == [None]


def test_application_wide_hooks_of_a_blueprint(app: Flask, bp: Blueprint) -> None:
    called = []
    bp.before_app_request(lambda: called.append("before"))
    bp.after_app_request(lambda response: called.append("after") or response)
    bp.teardown_app_request(lambda exc: called.append("teardown"))
    app.register_blueprint(bp)
    app.add_url_rule("/other", "other", public(lambda: "other"))
    app.test_client().get("/other")
    assert called == ["before", "after", "teardown"]


def test_an_application_wide_hook_runs_for_this_projects_routes(app: Flask, client: FlaskClient) -> None:
    bp = Blueprint("bp", __name__)
    bp.after_app_request(lambda response: response.headers.add("X-Fork", "yes") or response)
    app.register_blueprint(bp)
    assert client.get("/healthz").headers["X-Fork"] == "yes"


def test_record_and_record_once(app: Flask, bp: Blueprint) -> None:
    recorded = []
    bp.record(lambda state: recorded.append(state.app))
    bp.record_once(lambda state: recorded.append(state.options["answer"]))
    app.register_blueprint(bp, answer=42)
    app.register_blueprint(bp, name="again", answer=43)
    assert recorded == [app, 42, app]


def test_a_command_of_a_blueprint(app: Flask) -> None:
    bp = Blueprint("students", __name__)

    @bp.cli.command("create")
    def create():
        print("created")

    app.register_blueprint(bp)
    assert app.test_cli_runner().invoke(args=["students", "create"]).output == "created\n"


def test_a_command_group_with_another_name_or_none(app: Flask) -> None:
    named, merged = Blueprint("named", __name__, cli_group="other"), Blueprint("merged", __name__, cli_group=None)
    named.cli.command("one")(lambda: print("one"))
    merged.cli.command("two")(lambda: print("two"))
    app.register_blueprint(named)
    app.register_blueprint(merged)
    runner = app.test_cli_runner()
    assert runner.invoke(args=["other", "one"]).output == "one\n"
    assert runner.invoke(args=["two"]).output == "two\n"


def test_url_value_preprocessor_and_url_defaults(app: Flask, client: FlaskClient) -> None:
    bp = public(Blueprint("frontend", __name__, url_prefix="/<lang_code>"))

    @bp.url_defaults
    def add_language_code(endpoint, values):
        values.setdefault("lang_code", g.lang_code)

    @bp.url_value_preprocessor
    def pull_lang_code(endpoint, values):
        g.lang_code = values.pop("lang_code")

    @bp.route("/about")
    def about():
        return f"{g.lang_code} {url_for('.about')}"

    app.register_blueprint(bp)
    assert client.get("/de/about").text == "de /de/about"


def test_url_value_preprocessor_of_the_application(app: Flask, client: FlaskClient) -> None:
    @app.url_value_preprocessor
    def pull(endpoint, values):
        if values:
            g.lang = values.pop("lang", None)

    @app.url_defaults
    def add(endpoint, values):
        if "lang" not in values and app.url_map.is_endpoint_expecting(endpoint, "lang"):
            values["lang"] = g.lang

    app.add_url_rule("/<lang>/x", "x", public(lambda: f"{g.lang} {url_for('x')}"))
    assert client.get("/de/x").text == "de /de/x"
    problem(client.get("/nowhere/at/all"), 404)


def test_templates_of_a_blueprint(app: Flask, client: FlaskClient, tmp_path) -> None:
    (tmp_path / "pages").mkdir()
    (tmp_path / "pages" / "show.html").write_text("<h1>{{ title }}</h1>")
    bp = public(Blueprint("pages", __name__, template_folder=tmp_path))
    bp.add_url_rule("/show", "show", lambda: render_template("pages/show.html", title="<Title>"))
    app.register_blueprint(bp)
    assert client.get("/show").text == "<h1>&lt;Title&gt;</h1>"


def test_static_files_of_a_blueprint(app: Flask, client: FlaskClient, tmp_path) -> None:
    (tmp_path / "style.css").write_text("p {}")
    bp = public(Blueprint("admin", __name__, url_prefix="/admin", static_folder=tmp_path, static_url_path="/static"))
    app.register_blueprint(bp)
    with client.get("/admin/static/style.css") as response:
        assert (response.text, response.mimetype) == ("p {}", "text/css")
    problem(client.get("/admin/static/none.css"), 404)
    with app.test_request_context():
        assert url_for("admin.static", filename="style.css") == "/admin/static/style.css"


def test_resources_of_a_blueprint() -> None:
    bp = Blueprint("bp", __name__)
    with bp.open_resource("kit.py") as f:
        assert b"idiom" in f.read()


def test_a_context_processor_of_a_blueprint(app: Flask, client: FlaskClient, tmp_path) -> None:
    (tmp_path / "p.html").write_text("{{ colour }}")
    bp = public(Blueprint("bp", __name__, template_folder=tmp_path))
    bp.context_processor(lambda: {"colour": "red"})
    bp.add_url_rule("/p", "p", lambda: render_template("p.html"))
    app.register_blueprint(bp)
    assert client.get("/p").text == "red"


def test_template_filters_of_a_blueprint(app: Flask) -> None:
    bp = Blueprint("bp", __name__)
    bp.app_template_filter("shout")(str.upper)
    bp.app_template_test("even")(lambda number: number % 2 == 0)
    bp.app_template_global("answer")(lambda: 42)
    bp.app_context_processor(lambda: {"who": "ada"})
    app.register_blueprint(bp)
    with app.test_request_context():
        from flask import render_template_string

        rendered = render_template_string("{{ who|shout }} {{ answer() }} {{ 2 is even }}")
    assert rendered == "ADA 42 True"


def test_a_registered_blueprint_cannot_be_changed(app: Flask, bp: Blueprint) -> None:
    app.register_blueprint(bp)
    with pytest.raises(AssertionError, match="can no longer be called on the blueprint 'pages'"):
        bp.route("/late")(lambda: "late")


def test_a_subdomain_of_a_blueprint(app: Flask, client: FlaskClient) -> None:
    app.subdomain_matching = True
    app.config["SERVER_NAME"] = "example.test"
    bp = public(Blueprint("api", __name__, subdomain="api"))
    bp.add_url_rule("/x", "x", lambda: "api")
    app.register_blueprint(bp)
    assert client.get("/x", base_url="http://api.example.test").text == "api"
    problem(client.get("/x", base_url="http://example.test"), 404)
