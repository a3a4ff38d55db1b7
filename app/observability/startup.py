"""The log entry at start, which describes the process, and a warning for each risky setting."""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from app import product
from app.config import VERSION, Settings, authority

LIMITS: Final = ("rate_limit", "token_rate_limit", "registration_rate_limit", "max_body_bytes", "request_timeout")
LOCATION_PARAMETERS: Final = ("host", "hostaddr", "port", "service")
"""The query parameters of a URL that locate a database."""
_LOG: Final = product.logger("start")


def announce(settings: Settings, serves: Sequence[str], *, metrics_port: int, more: Mapping[str, object]) -> None:
    """Log the entry and the warnings.

    Args:
        settings: the settings of the service.
        serves: the addresses that the process listens on, or its task.
        metrics_port: the metrics port of this process.
        more: further fields, such as the public routes.
    """
    where = ", ".join(serves) or "by another server than gunicorn"
    _LOG.info(
        "%s %s serves %s",
        product.NAME,
        VERSION,
        where,
        extra={"fields": {**start_fields(settings, serves, metrics_port), **more}},
    )
    for sentence in settings.warnings:
        _LOG.warning("%s", sentence)


def start_fields(settings: Settings, serves: Sequence[str], metrics_port: int) -> dict[str, Any]:
    """Return the fields of the entry; no user, password or token."""
    metrics = authority(settings.metrics_host, metrics_port)
    return {
        "environment": settings.app_env,
        "serves": [*serves],
        "public_url": settings.public_url,
        "database": location_of(settings.database_url),
        "redis": location_of(settings.redis_url) if settings.redis_url else "none: each worker counts for itself",
        "trusted_proxies": [*map(str, settings.trusted_proxies)],
        "limits": {name: getattr(settings, name) for name in LIMITS},
        "cors_origins": [*settings.cors_origins],
        "anonymous_scopes": [*settings.anonymous_scopes],
        "simulates_errors": settings.simulates_errors,
        "metrics": f"http://{metrics}/metrics" if metrics_port else "none",
    }


def location_of(url: str) -> str:
    """Return the server and database of a URL, without credentials."""
    parts = urlsplit(url)
    parameters = ", ".join(f"{name}={value}" for name, value in parse_qsl(parts.query) if name in LOCATION_PARAMETERS)
    place = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme.partition('+')[0]}://{place}{parts.path}" + (f" ({parameters})" if parameters else "")
