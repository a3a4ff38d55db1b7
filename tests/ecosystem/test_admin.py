"""Flask-Admin: its pages require a token until they are listed as public, then ``is_accessible`` guards them."""

import pytest
from flask_admin import Admin
from flask_admin.contrib.sqla import ModelView

from app.extensions import db
from app.models.products import Product


class Products(ModelView):
    can_create = can_edit = can_delete = False


@pytest.fixture
def admin(app):
    app.config["SECRET_KEY"] = "of the tests"
    admin = Admin(app, name="candor")
    admin.add_view(Products(Product, db, endpoint="products"))


def test_its_pages_require_a_token_until_they_are_listed(admin, client):
    for path in ("/admin/", "/admin/products/", "/admin/static/bootstrap/bootstrap4/css/bootstrap.min.css"):
        assert client.get(path).status_code == 401


def test_its_pages_are_public_once_they_are_listed(admin, app, client):
    app.config["PUBLIC_ENDPOINTS"] = ["admin.index", "admin.static", "products.index_view"]
    assert "candor" in client.get("/admin/").text
    assert client.get("/admin/products/").status_code == 200
