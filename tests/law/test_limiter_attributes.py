"""Each attribute that Flask-Limiter sets is kept per application (``app.rate_limiting.application_state``)."""

import ast
import inspect

import flask_limiter

from app.extensions import limiter
from app.rate_limiting.application_state import ATTRIBUTES, Enabled, OfApplication


def assigned() -> set[str]:
    """Return the attributes that methods of Flask-Limiter's ``Limiter`` assign after its construction."""
    (definition,) = ast.parse(inspect.getsource(flask_limiter.Limiter)).body
    assert isinstance(definition, ast.ClassDef)
    methods = [each for each in definition.body if isinstance(each, ast.FunctionDef) and each.name != "__init__"]
    return {
        f"_Limiter{node.attr}" if node.attr.startswith("__") else node.attr
        for method in methods
        for node in ast.walk(method)
        if isinstance(node, ast.Attribute)
        and isinstance(node.ctx, ast.Store)
        and isinstance(node.value, ast.Name)
        and node.value.id == "self"
    }


def test_all_of_them_are_kept_for_each_application() -> None:
    """If a new version of Flask-Limiter adds attributes, this test fails before applications share limits."""
    found = assigned()
    assert "_storage" in found
    assert found - {*ATTRIBUTES} == {"enabled"}
    assert isinstance(inspect.getattr_static(type(limiter), "enabled"), Enabled)


def test_no_listed_attribute_is_obsolete() -> None:
    for name in ATTRIBUTES:
        assert isinstance(inspect.getattr_static(type(limiter), name), OfApplication)
    missing = {name for name in ATTRIBUTES if name not in limiter.defaults} - {"_fallback_storage"}
    assert missing == set()
