"""The registry of the named errors in this package."""

from functools import cache, lru_cache

from app.errs.error import Error, title
from app.errs.kinds import Fault, Kind


@cache
def named_errors() -> dict[str, type[Error]]:
    """Return all named errors by code, sorted by code.

    Raises:
        TypeError: two errors have the same code.
    """
    package = __name__.rpartition(".")[0]
    found: dict[str, type[Error]] = {}
    pending = list(Error.__subclasses__())
    while pending:
        cls = pending.pop()
        pending.extend(cls.__subclasses__())
        if "code" not in cls.__dict__ or not cls.__module__.startswith(f"{package}."):
            continue
        if found.setdefault(cls.code, cls) is not cls:
            raise TypeError(f"{cls.__name__} and {found[cls.code].__name__} both have the code {cls.code}")
    return dict(sorted(found.items()))


@lru_cache(1024)
def slug(code: str) -> str:
    """Return the code as it is written in the address of its page: ``task-not-found``."""
    return code.lower().replace("_", "-")


def occurrence(cls: type[Error]) -> str:
    """Return the paragraph that describes when the error occurs, or the title if there is no such paragraph.

    Code is between backticks, as in ``operator``. ``plain`` removes them.
    """
    rest = (cls.__doc__ or "").strip().partition("\n")[2]
    return " ".join(rest.split()).replace("``", "`") or title(cls)


def plain(text: str) -> str:
    """Return a text of a definition without Markdown."""
    return text.replace("`", "")


def definition(error: Error) -> type[Error]:
    """Return the named error with this error's code and kind, or the fallback of its kind."""
    named = named_errors().get(error.code)
    return named if named is not None and named.kind is error.kind else fallback(error.kind)


def fallback(kind: Kind) -> type[Error]:
    """Return the named error that represents a kind without a more specific code."""
    code = Kind.INTERNAL.string if kind.fault is Fault.SERVICE else kind.string
    return named_errors()[code.upper()]
