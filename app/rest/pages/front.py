"""Stub."""
from app.rest import operations
from app.rest.blueprint import Blueprint

blp = Blueprint("front", __name__, scope=operations.PUBLIC)
