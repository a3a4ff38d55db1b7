"""Comparison of errors with templates, for tests."""

from app.errs.error import UNSET, Error, has_own


def match(template: BaseException, error: BaseException) -> bool:
    """Return true if the error has all attributes that the template sets, cause by cause.

    A template that is not an ``Error`` matches an error of its type with the same arguments.
    """
    if not isinstance(template, Error):
        return type(template) is type(error) and template.args == error.args
    if not isinstance(error, Error) or not isinstance(error, type(template)):
        return False
    attributes = {name: getattr(template, name) for name in UNSET if has_own(template, name)}
    if any(getattr(error, name) != value for name, value in attributes.items()):
        return False
    if template.op and template.op != error.op:
        return False
    if any(error.facts.get(name) != value for name, value in template.facts.items()):
        return False
    if template.__cause__ is None:
        return True
    return error.__cause__ is not None and match(template.__cause__, error.__cause__)
