"""``E``: make an error in one call, like ``errors.E`` of upspin."""

from typing import Any, Final

from app.errs.error import Error, Violation, is_code, is_operation, not_a_code
from app.errs.kinds import Kind

_TAKEN: Final[dict[type, str]] = {str: "operation", Kind: "Kind", BaseException: "exception"}
"""The types that ``E`` takes by position, and their names in its messages."""


def E(  # noqa: N802 -- the common name, as in upspin/errors
    *args: str | Kind | BaseException,
    op: str | None = None,
    kind: Kind | None = None,
    code: str | None = None,
    message: str | None = None,
    detail: str | None = None,
    param: str | None = None,
    user: str | None = None,
    realm: str | None = None,
    retry_after: int | None = None,
    violations: tuple[Violation, ...] | None = None,
    cause: BaseException | None = None,
    **facts: Any,
) -> Error:
    """Make an error, or add context to another error.

    ``raise E("tasks.get", Kind.NOT_EXIST, message="The task is gone.")``, ``raise E("tasks.get", error)``,
    ``raise E("tasks.get", user=by.id) from error``.

    Omitted attributes are inherited from the cause. Without a cause the kind is ``Kind.OTHER``. An explicit
    ``Kind.OTHER`` counts as omitted.

    Args:
        *args: an operation, a ``Kind`` and an exception (the cause), at most one of each and in any order.
        op: the operation, such as ``tasks.get``; it has no blanks.
        kind: the category, which determines the status on each transport.
        code: the UPPER_SNAKE name of the error that clients see; the default is the name of the kind.
        message: the text for clients, ``detail`` in a problem document.
        detail: a text for the log.
        param: the invalid parameter.
        user: the user's ID, for the log.
        realm: the realm of the challenge in a 401 or 403.
        retry_after: whole seconds to wait before a retry.
        violations: the rules that the input breaks.
        cause: the cause, if the error is not raised ``from`` it.
        **facts: error context for the log. Clients see the facts that the definition of the code declares.

    Raises:
        TypeError: an argument is invalid.
    """
    by_position = _by_type(args)
    op = _once("op", op, by_position.get(str))
    kind = _once("kind", kind, by_position.get(Kind))
    cause = _once("cause", cause, by_position.get(BaseException))
    attributes = {
        "message": message,
        "detail": detail,
        "param": param,
        "user": user,
        "realm": realm,
        "retry_after": retry_after,
        "violations": violations,
    }
    is_empty = not facts and all(each is None for each in (op, kind, code, cause, *attributes.values()))
    _check(op, kind, code, retry_after, is_empty=is_empty)
    return build(op, kind=kind, code=code, cause=cause, **attributes, **facts)


def build(op: str | None, *, kind: Kind | None, code: str | None, cause: BaseException | None, **texts: Any) -> Error:
    """Make an error from unchecked parts, for example from another service."""
    error = Error(**texts)
    error.op = op
    if kind is not None and kind is not Kind.OTHER:
        error.kind = kind
    if code is not None:
        error.code = code
    if cause is not None:
        error.__cause__ = cause
    return error


def _by_type(args: tuple[object, ...]) -> dict[type, Any]:
    """Return the positional arguments by their types."""
    found: dict[type, Any] = {}
    for arg in args:
        kind = next((each for each in _TAKEN if isinstance(arg, each)), None)
        if kind is None:
            raise TypeError(
                f"E takes an operation (str), a Kind and an exception by position, not {_described(arg)}: "
                "give everything else by keyword, such as message=…"
            )
        if kind is str and not is_operation(arg):
            raise TypeError(
                f"{arg!r} is not an operation, which is a name without blanks such as 'tasks.get'; "
                f"write message={arg!r} for a text"
            )
        if kind in found:
            raise TypeError(f"E takes one {_TAKEN[kind]}, not two: {found[kind]!r} and {arg!r}")
        found[kind] = arg
    return found


def _once(name: str, by_keyword: Any, by_position: Any) -> Any:
    """Return an argument that can be positional or a keyword."""
    if by_keyword is not None and by_position is not None:
        raise TypeError(f"E takes one {name}, not one by position and one by keyword")
    return by_position if by_keyword is None else by_keyword


def _described(arg: object) -> str:
    """Return the description of an argument of a wrong type: None, a class, or the name of its type."""
    if isinstance(arg, type):
        return f"the class {arg.__name__}"
    return "None" if arg is None else f"{type(arg).__name__}"


def _check(op: object, kind: object, code: object, retry_after: object, *, is_empty: bool) -> None:
    """Reject invalid keywords, and a call without arguments."""
    if is_empty:
        raise TypeError("E needs an argument: an operation, a Kind, an exception or a keyword such as message=…")
    if op is not None and not is_operation(op):
        raise TypeError(f"op is a name without blanks such as 'tasks.get', not {op!r}")
    if kind is not None and not isinstance(kind, Kind):
        raise TypeError(f"kind is a Kind such as Kind.NOT_EXIST, not {kind!r}")
    if code is not None and not is_code(code):
        raise TypeError(not_a_code(code))
    if retry_after is not None and (type(retry_after) is not int or retry_after < 0):
        raise TypeError(f"retry_after is whole seconds, not {retry_after!r}")
