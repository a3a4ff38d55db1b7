"""Templates and signals."""

import jinja2
import pytest
from flask import (
    Flask,
    abort,
    appcontext_popped,
    appcontext_pushed,
    appcontext_tearing_down,
    before_render_template,
    flash,
    g,
    got_request_exception,
    message_flashed,
    render_template,
    render_template_string,
    request_finished,
    request_started,
    request_tearing_down,
    stream_template,
    stream_template_string,
    template_rendered,
)
from flask.testing import FlaskClient

from app.rest.public_routes import public


@pytest.fixture
def page(app: Flask, client: FlaskClient):
    """Return a function that renders a template within a request."""
    app.jinja_loader = jinja2.DictLoader({"hello.html": "<h1>Hello {{ name }}</h1>", "x.txt": "{{ name }}"})

    def render(source: str = "", name: str = "", **values):
        app.add_url_rule(
            "/page",
            "page",
            public(lambda: render_template(name, **values) if name else render_template_string(source, **values)),
        )
        return client.get("/page?q=query").text

    return render


def test_a_template(page) -> None:
    assert page(name="hello.html") == "<h1>Hello </h1>"


def test_html_is_escaped(page) -> None:
    assert page("{{ value }}", value="<b>") == "&lt;b&gt;"


def test_flasks_variables_in_templates(app: Flask, page) -> None:
    app.secret_key = "secret"
    app.before_request(lambda: setattr(g, "user", "ada"))
    source = "{{ request.args.q }} {{ g.user }} {{ session.get('x') }} {{ config.SHOP }} {{ url_for('page') }}"
    app.config["SHOP"] = "shop"
    assert page(source) == "query ada None shop /page"


def test_a_context_processor(app: Flask, page) -> None:
    @app.context_processor
    def utility_processor():
        def format_price(amount, currency="€"):
            return f"{amount:.2f}{currency}"

        return {"format_price": format_price, "user": "ada"}

    assert page("{{ format_price(0.33) }} {{ user }}") == "0.33€ ada"


def test_filters_tests_and_globals(app: Flask, page) -> None:
    @app.template_filter("reverse")
    def reverse_filter(s):
        return s[::-1]

    @app.template_test("odd_number")
    def odd_number(n):
        return n % 2 == 1

    @app.template_global()
    def double(n):
        return 2 * n

    assert page("{{ 'abc'|reverse }} {{ 3 is odd_number }} {{ double(4) }}") == "cba True 8"


def test_the_jinja_environment(app: Flask, page) -> None:
    app.jinja_env.filters["shout"] = str.upper
    app.jinja_env.globals["answer"] = 42
    app.jinja_env.trim_blocks = True
    assert page("{{ 'a'|shout }}{{ answer }}") == "A42"


def test_jinja_options(app: Flask, page) -> None:
    app.jinja_options = {"variable_start_string": "[[", "variable_end_string": "]]"}
    assert page("[[ 1 + 1 ]]") == "2"


def test_a_streamed_template(app: Flask, client: FlaskClient) -> None:
    app.jinja_loader = jinja2.DictLoader({"t.html": "{% for n in numbers %}{{ n }}{{ request.path }} {% endfor %}"})
    app.add_url_rule("/t", "t", public(lambda: stream_template("t.html", numbers=iter("ab"))))
    app.add_url_rule("/s", "s", public(lambda: stream_template_string("{{ request.path }}")))
    assert client.get("/t").text == "a/t b/t "
    assert client.get("/s").text == "/s"


def test_a_template_outside_of_a_request(app: Flask) -> None:
    with app.app_context():
        assert render_template_string("{{ 1 + 1 }}{{ config.X }}") == "2"


def test_templates_changed_in_debug_mode_are_reloaded(app: Flask) -> None:
    app.config["TEMPLATES_AUTO_RELOAD"] = True
    assert app.jinja_env.auto_reload


@pytest.fixture
def recorded(app: Flask):
    """Return a function that records the names of the signals that it is connected to."""
    heard = []

    def record(*signals):
        for signal in signals:
            signal.connect(lambda sender, signal=signal, **extra: heard.append(signal.name), app, weak=False)
        return heard

    return record


def test_signals_of_a_request(app: Flask, recorded) -> None:
    heard = recorded(
        appcontext_pushed,
        request_started,
        request_finished,
        request_tearing_down,
        appcontext_tearing_down,
        appcontext_popped,
    )
    app.add_url_rule("/x", "x", public(lambda: heard.append("view") or "x"))
    app.test_client().get("/x")
    assert heard == [
        "appcontext-pushed",
        "request-started",
        "view",
        "request-finished",
        "request-tearing-down",
        "appcontext-tearing-down",
        "appcontext-popped",
    ]


def test_request_finished_has_the_response(app: Flask, client: FlaskClient) -> None:
    statuses = []
    request_finished.connect(lambda sender, response, **extra: statuses.append(response.status_code), app, weak=False)
    app.add_url_rule("/x", "x", public(lambda: abort(409)))
    client.get("/x")
    client.get("/nowhere")
    assert statuses == [409, 404]


def test_a_failure_in_a_handled_request_sends_the_signal(app: Flask, recorded) -> None:
    heard = recorded(got_request_exception, request_finished)
    app.add_url_rule("/x", "x", public(lambda: 1 / 0))
    app.test_client().get("/x")
    assert heard == ["got-request-exception", "request-finished"]


def test_rendered_templates_are_signalled(app: Flask, client: FlaskClient) -> None:
    rendered, order = [], []

    def record(sender, template, context, **extra):
        rendered.append((template.name, context["name"]))

    template_rendered.connect(record, app)
    before_render_template.connect(lambda *args, **extra: order.append("before"), app, weak=False)
    app.jinja_loader = jinja2.DictLoader({"hello.html": "{{ name }}"})
    app.add_url_rule("/x", "x", public(lambda: render_template("hello.html", name="ada")))
    client.get("/x")
    assert rendered == [("hello.html", "ada")]
    assert order == ["before"]


def test_flashed_messages_are_signalled(app: Flask, client: FlaskClient) -> None:
    app.secret_key, heard = "secret", []
    message_flashed.connect(lambda sender, message, category, **e: heard.append((message, category)), app, weak=False)
    app.add_url_rule("/x", "x", public(lambda: flash("saved", "info") or "x"))
    client.get("/x")
    assert heard == [("saved", "info")]


def test_a_temporary_subscriber(app: Flask) -> None:
    heard = []
    with request_started.connected_to(lambda sender, **extra: heard.append(sender), app):
        app.test_client().get("/nowhere")
    app.test_client().get("/nowhere")
    assert heard == [app]
