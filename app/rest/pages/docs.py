"""Stub."""
from app.rest import operations
from app.rest.blueprint import Blueprint

blp = Blueprint("docs", __name__, scope=operations.PUBLIC)
