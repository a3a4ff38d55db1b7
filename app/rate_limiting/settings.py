"""The ``RATELIMIT_…`` settings of an application: those that would have no effect are rejected."""

from collections.abc import Mapping
from typing import Any, Final

from flask_limiter.constants import ConfigVars
from limits.strategies import STRATEGIES

from app.rate_limiting.decoration import check_callable, check_notation

KNOWN: Final = frozenset(value for name, value in vars(ConfigVars).items() if name.isupper()) - {ConfigVars.KEY_FUNC}
OWN_STORAGE: Final = "the service's own counters (REDIS_URL)"
NOTATION: Final = (
    ConfigVars.APPLICATION_LIMITS,
    ConfigVars.DEFAULT_LIMITS,
    ConfigVars.META_LIMITS,
    ConfigVars.IN_MEMORY_FALLBACK,
)
CALLBACKS: Final = (
    ConfigVars.ON_BREACH,
    ConfigVars.ON_META_BREACH,
    ConfigVars.REQUEST_IDENTIFIER,
    ConfigVars.APPLICATION_LIMITS_EXEMPT_WHEN,
    ConfigVars.APPLICATION_LIMITS_DEDUCT_WHEN,
    ConfigVars.DEFAULT_LIMITS_EXEMPT_WHEN,
    ConfigVars.DEFAULT_LIMITS_DEDUCT_WHEN,
)
SWITCHES: Final = (
    ConfigVars.ENABLED,
    ConfigVars.HEADERS_ENABLED,
    ConfigVars.SWALLOW_ERRORS,
    ConfigVars.FAIL_ON_FIRST_BREACH,
    ConfigVars.IN_MEMORY_FALLBACK_ENABLED,
    ConfigVars.APPLICATION_LIMITS_PER_METHOD,
    ConfigVars.DEFAULT_LIMITS_PER_METHOD,
)
BELONGING: Final = {
    ConfigVars.APPLICATION_LIMITS: "RATELIMIT_APPLICATION_",
    ConfigVars.DEFAULT_LIMITS: "RATELIMIT_DEFAULTS_",
}


def of(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of Flask-Limiter."""
    return {name: value for name, value in config.items() if name.startswith("RATELIMIT_") and value is not None}


def check(config: Mapping[str, Any]) -> None:
    """Reject settings that Flask-Limiter would ignore or fail on later.

    Raises:
        ValueError: a setting is unknown, has no effect, or has a value that is not valid.
        TypeError: a callback is not a function.
    """
    given = of(config)
    for name in sorted(given.keys() - KNOWN):
        raise ValueError(f"{name} is not a setting of Flask-Limiter. Known: {', '.join(sorted(KNOWN))}.")
    for name in NOTATION:
        check_notation(given.get(name), name)
    for name in CALLBACKS:
        check_callable(given.get(name), name)
    for name in SWITCHES:
        if not isinstance(given.get(name, True), bool):
            raise ValueError(f"{name} is True or False, not {given[name]!r}.")  # noqa: TRY004 -- text of the environment
    for limits, prefix in BELONGING.items():
        if limits not in given and (without := [name for name in given if name.startswith(prefix)]):
            raise ValueError(f"{without[0]} applies to {limits}, which is not set. RATE_LIMIT has no such options.")
    _check_headers(given)
    _check_storage(given)


def _check_headers(given: Mapping[str, Any]) -> None:
    value = given.get(ConfigVars.HEADER_RETRY_AFTER_VALUE, "delta-seconds")
    if value != "delta-seconds":
        raise ValueError(
            f"{ConfigVars.HEADER_RETRY_AFTER_VALUE} = {value!r} is not supported: problem documents repeat Retry-After "
            "as a number of seconds."
        )


def _check_storage(given: Mapping[str, Any]) -> None:
    """Reject options that require another storage than the service's own."""
    strategy, uri = given.get(ConfigVars.STRATEGY, "fixed-window"), given.get(ConfigVars.STORAGE_URI)
    if strategy not in STRATEGIES:
        raise ValueError(f"{ConfigVars.STRATEGY} is one of {', '.join(sorted(STRATEGIES))}, not {strategy!r}.")
    if uri and uri.startswith("async+"):
        raise ValueError(f"{ConfigVars.STORAGE_URI}: Flask-Limiter does not support asynchronous storage.")
    if uri:
        return
    if strategy != "fixed-window":
        raise ValueError(
            f"{ConfigVars.STRATEGY} = {strategy!r} needs {ConfigVars.STORAGE_URI} ('memory://', 'redis://…'): "
            f"{OWN_STORAGE} count fixed windows."
        )
    for name in (ConfigVars.STORAGE_OPTIONS, ConfigVars.IN_MEMORY_FALLBACK):
        if given.get(name):
            raise ValueError(f"{name} needs {ConfigVars.STORAGE_URI}: it has no effect on {OWN_STORAGE}.")
