"""Settings, from ``app.config``."""

from collections.abc import Callable
from dataclasses import fields
from typing import Any, Final

from app.config import Settings, rules
from app.config.setting import default_of
from tests.docs.generate.markdown import PROPERTIES, code, document, table

UNFIT: Final = ("?? ??", "1e300")
"""Values that show the message of a reader; the second one is outside every range of numbers."""
NUMBERS: Final = "must be a number"
FREE: Final = "any text"
SCOPES: Final = "scopes of this service, separated by spaces; see [Scopes](scopes.md)"
INTRODUCTION: Final = """\
Each setting is an environment variable. [`.env.example`](../../.env.example) lists the same settings with their defaults.
`make run` and `flask` also read a file named `.env`; the environment has precedence.

The service rejects a value that it can't read, and settings that contradict each other. With `APP_ENV=production`, it
also rejects values that grant rights or disable a limit. It warns about values that expose data to others on the
network, because there can be good reasons for them. The service checks all settings before it starts, and reports
every fault at once. Each warning is one entry of the logger `candor.start`.

Tests compare these tables with [`app/config/rules.py`](../../app/config/rules.py). They also try at least one accepted
value and, where there is one, one rejected value of each setting."""
START: Final = """\
## Log entry at start

One entry of the logger `candor.start` contains the values in force: addresses, `public_url`, the database and Redis
(without user and password), trusted proxies, limits, origins, anonymous scopes, whether callers can simulate errors,
the address of the metrics, and every public route."""
STARTS: Final = (
    START,
    "`flask rpc serve` writes the same entry for gRPC, without routes.",
)


def page() -> str:
    """Return the page of settings."""
    return document(
        "Settings",
        "app/config",
        INTRODUCTION,
        _rules("Rejected in production", rules.REJECTED),
        _rules("Warned about in production", rules.WARNED),
        *STARTS,
        "## All settings",
        *map(_setting, fields(Settings)),
    )


def _rules(title: str, listed: tuple[rules.Rule, ...]) -> str:
    rows = [(code(rule.name.upper()), rule.message) for rule in listed]
    return f"## {title}\n\n" + table(("Setting", "Message"), rows)


def _setting(each: Any) -> str:
    default, production = spelled(default_of(each)), each.metadata["production"]
    shown = code(default) or "not set"
    if production:
        shown += f"; in production {code(production)}"
    rows = [("Default", shown), ("Accepted", accepted(each.metadata["parse"]))]
    rows += [("Production rejects", rule.message) for rule in rules.REJECTED if rule.name == each.name]
    rows += [("Production warns", rule.message) for rule in rules.WARNED if rule.name == each.name]
    return f"### {each.name.upper()}\n\n{each.metadata['says']}\n\n" + table(PROPERTIES, rows)


def spelled(default: object) -> str:
    """Return a default as the environment spells it."""
    if isinstance(default, tuple):
        return " ".join(map(str, default))
    if isinstance(default, bool):
        return str(default).lower()
    return f"{default:g}" if type(default) is float else str(default)


def accepted(parse: Callable[[str], object]) -> str:
    """Return the values that a reader accepts, from its message about one that it rejects."""
    if parse is str:
        return FREE
    message = ""
    for value in UNFIT:
        try:
            parse(value)
        except ValueError as fault:
            message = str(fault)
            if message != NUMBERS:
                break
    message = message.partition(": ")[0] if message.startswith("must be a file") else message
    return message.removeprefix("must be ").removeprefix("must ") or SCOPES
