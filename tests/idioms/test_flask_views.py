"""Class-based views."""

from flask import Flask, jsonify, render_template_string, request
from flask.testing import FlaskClient
from flask.views import MethodView, View

from app.rest.public_routes import public
from tests.idioms.kit import problem


class ItemAPI(MethodView):
    """A resource, as in the chapter on class-based views."""

    init_every_request = False

    def __init__(self, items: dict[int, str]) -> None:
        self.items = items

    def get(self, number: int):
        return jsonify(self.items[number])

    def patch(self, number: int):
        self.items[number] = request.json["name"]
        return jsonify(self.items[number])

    def delete(self, number: int):
        del self.items[number]
        return "", 204


class GroupAPI(MethodView):
    """The collection of the resource."""

    init_every_request = False

    def __init__(self, items: dict[int, str]) -> None:
        self.items = items

    def get(self):
        return jsonify(self.items)

    def post(self):
        self.items[len(self.items) + 1] = request.json["name"]
        return jsonify(len(self.items)), 201, {"Location": f"/items/{len(self.items)}"}


def register_api(app: Flask, items: dict[int, str], name: str) -> None:
    """Register both, as in the chapter."""
    item = public(ItemAPI.as_view(f"{name}-item", items))
    group = public(GroupAPI.as_view(f"{name}-group", items))
    app.add_url_rule(f"/{name}/<int:number>", view_func=item)
    app.add_url_rule(f"/{name}", view_func=group)


def test_a_rest_api_of_method_views(app: Flask, client: FlaskClient) -> None:
    register_api(app, {}, "items")
    assert client.post("/items", json={"name": "one"}).status_code == 201
    assert client.get("/items/1").json == "one"
    assert client.patch("/items/1", json={"name": "two"}).json == "two"
    assert client.get("/items").json == {"1": "two"}
    assert client.delete("/items/1").status_code == 204


def test_another_method_is_405(app: Flask, client: FlaskClient) -> None:
    register_api(app, {}, "items")
    response = client.put("/items")
    problem(response, 405)
    assert {"GET", "HEAD", "POST"} <= set(response.headers["Allow"].split(", "))


def test_head_falls_back_to_get(app: Flask, client: FlaskClient) -> None:
    register_api(app, {1: "one"}, "items")
    response = client.head("/items/1")
    assert (response.status_code, response.data) == (200, b"")


def test_a_custom_view_class(app: Flask, client: FlaskClient) -> None:
    @public
    class ListView(View):
        methods = ["GET", "POST"]

        def __init__(self, model, template):
            self.model, self.template = model, template

        def dispatch_request(self):
            return render_template_string(self.template, items=self.model, method=request.method)

    view = ListView.as_view("list", ["a", "b"], "{{ method }} {{ items|join }}")
    app.add_url_rule("/list", view_func=view)
    assert client.get("/list").text == "GET ab"
    assert client.post("/list").text == "POST ab"


def test_a_view_function_has_its_class(app: Flask) -> None:
    view = ItemAPI.as_view("item", {})
    assert view.view_class is ItemAPI
    assert view.__name__ == "item"


def test_decorators_of_a_class(app: Flask, client: FlaskClient) -> None:
    def shout(f):
        def view(*args, **kwargs):
            return f(*args, **kwargs).upper()

        return view

    class Hello(MethodView):
        decorators = [shout, public]

        def get(self):
            return "hello"

    app.add_url_rule("/hello", view_func=Hello.as_view("hello"))
    assert client.get("/hello").text == "HELLO"


def test_a_class_is_public_by_its_list_of_decorators(app: Flask, client: FlaskClient) -> None:
    class Hello(MethodView):
        decorators = [public]

        def get(self):
            return "hello"

    app.add_url_rule("/hello", view_func=Hello.as_view("hello"))
    assert client.get("/hello").text == "hello"


def test_an_instance_lives_for_one_request_by_default(app: Flask, client: FlaskClient) -> None:
    class Counter(View):
        def __init__(self):
            self.count = 0

        def dispatch_request(self):
            self.count += 1
            return str(self.count)

    class Kept(Counter):
        init_every_request = False

    app.add_url_rule("/each", view_func=public(Counter.as_view("each")))
    app.add_url_rule("/kept", view_func=public(Kept.as_view("kept")))
    assert [client.get("/each").text for _ in range(2)] == ["1", "1"]
    assert [client.get("/kept").text for _ in range(2)] == ["1", "2"]


def test_one_class_for_two_urls(app: Flask, client: FlaskClient) -> None:
    class UserAPI(MethodView):
        def get(self, user_id):
            return "all" if user_id is None else f"user {user_id}"

        def post(self):
            return "created", 201

    view = public(UserAPI.as_view("user_api"))
    app.add_url_rule("/users/", defaults={"user_id": None}, view_func=view, methods=["GET"])
    app.add_url_rule("/users/", view_func=view, methods=["POST"])
    app.add_url_rule("/users/<int:user_id>", view_func=view, methods=["GET"])
    assert client.get("/users/").text == "all"
    assert client.post("/users/").status_code == 201
    assert client.get("/users/3").text == "user 3"


def test_options_of_a_custom_class(app: Flask, client: FlaskClient) -> None:
    class Hello(MethodView):
        def get(self):
            return "hello"

    app.add_url_rule("/hello", view_func=Hello.as_view("hello"))
    response = client.options("/hello")
    assert set(response.headers["Allow"].split(", ")) == {"GET", "HEAD", "OPTIONS"}
