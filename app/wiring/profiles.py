"""The service for profiles: its users and preferences are local, or those of another instance."""

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from app.config import Settings
from app.models.preferences import PreferencesView
from app.models.users import PublicUser
from app.observability import degradation_log
from app.repositories.autocommit_reads import Reads
from app.repositories.preferences import PreferencesReads
from app.repositories.users import UserReads
from app.resilience.stale_cache import StaleCache
from app.services.profiles import Cache, Degraded, ProfileService, Source, local, remote
from app.wiring.client_factory import http_client

if TYPE_CHECKING:
    from app.clients.http import HttpClient

USERS_TIMEOUT: Final = timedelta(milliseconds=800)
PREFERENCES_TIMEOUT: Final = timedelta(milliseconds=500)
STALE_CACHE_LIFETIME: Final = timedelta(minutes=5)


def profile_service(settings: Settings, reads: Reads, *, clients: "list[HttpClient]") -> ProfileService:
    """Return the service, and add the clients of its remote dependencies to ``clients``."""
    users: Source[PublicUser] = local(UserReads(reads).get)
    preferences: Source[PreferencesView] = local(PreferencesReads(reads).get)
    if settings.users_url:
        from app.clients.remote_users import RemoteUsers  # noqa: PLC0415 -- it loads httpx2

        clients.append(http_client("users", settings.users_url, USERS_TIMEOUT))
        users = remote("users", RemoteUsers(clients[-1]).get)
    if settings.preferences_url:
        from app.clients.remote_preferences import RemotePreferences  # noqa: PLC0415 -- as above

        clients.append(http_client("preferences", settings.preferences_url, PREFERENCES_TIMEOUT))
        preferences = remote("preferences", RemotePreferences(clients[-1]).get)
    cache: Cache | None = StaleCache(lifetime=STALE_CACHE_LIFETIME) if settings.users_url else None
    return ProfileService(users=users, preferences=preferences, cache=cache, hooks=(_log_degraded,))


def _log_degraded(event: Degraded) -> None:
    """Log that a response was sent without a dependency."""
    degradation_log.degraded(event.degradation.dependency, event.degradation.reason, event.error)
