"""Items on flask-smorest, as in its quickstart; a PyJWT check for the token. Served by gunicorn with its defaults."""

import os
from functools import wraps
from threading import Lock
from uuid import uuid4

import jwt
import marshmallow as ma
from flask import Flask, request
from flask.views import MethodView
from flask_smorest import Api, Blueprint, abort

app = Flask(__name__)
app.config["API_TITLE"] = "Items"
app.config["API_VERSION"] = "v1"
app.config["OPENAPI_VERSION"] = "3.0.3"
app.config["MAX_CONTENT_LENGTH"] = 1024 * 1024
api = Api(app)
blp = Blueprint("items", "items", url_prefix="/items", description="Operations on items")

items = {}
lock = Lock()


class ItemSchema(ma.Schema):
    id = ma.fields.String(dump_only=True)
    title = ma.fields.String(required=True, validate=ma.validate.Length(min=1, max=200))
    description = ma.fields.String(load_default=None, validate=ma.validate.Length(max=1000))


def login_required(view):
    @wraps(view)
    def guarded(*args, **kwargs):
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            abort(401, message="Missing bearer token.", headers={"WWW-Authenticate": "Bearer"})
        try:
            jwt.decode(token, os.environ["SECRET_KEY"], algorithms=["HS256"])
        except jwt.InvalidTokenError:
            abort(401, message="Invalid token.", headers={"WWW-Authenticate": 'Bearer error="invalid_token"'})
        return view(*args, **kwargs)

    return guarded


def check_title(title, but=None):
    if any(item["title"] == title and item["id"] != but for item in items.values()):
        abort(409, message="An item with this title already exists.")


def find(item_id):
    try:
        return items[item_id]
    except KeyError:
        abort(404, message="Item not found.")


@blp.route("")
class Items(MethodView):
    decorators = [login_required]

    @blp.response(200, ItemSchema(many=True))
    def get(self):
        """List items"""
        return list(items.values())

    @blp.arguments(ItemSchema)
    @blp.response(201, ItemSchema)
    def post(self, new_data):
        """Add a new item"""
        with lock:
            check_title(new_data["title"])
            item = {"id": str(uuid4()), **new_data}
            items[item["id"]] = item
        return item


@blp.route("/<item_id>")
class ItemById(MethodView):
    decorators = [login_required]

    @blp.response(200, ItemSchema)
    def get(self, item_id):
        """Get item by ID"""
        return find(item_id)

    @blp.arguments(ItemSchema(partial=True))
    @blp.response(200, ItemSchema)
    def patch(self, update_data, item_id):
        """Update existing item"""
        with lock:
            item = find(item_id)
            if "title" in update_data:
                check_title(update_data["title"], but=item_id)
            item.update(update_data)
        return item

    @blp.response(204)
    def delete(self, item_id):
        """Delete item"""
        with lock:
            find(item_id)
            del items[item_id]


api.register_blueprint(blp)


@app.get("/health")
def health():
    return {"status": "ok"}
