"""Stub."""
from app.rest import operations
from app.rest.blueprint import Blueprint

blp = Blueprint("catalogue", __name__, scope=operations.PUBLIC)
