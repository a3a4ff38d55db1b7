"""External token issuers: created from the settings."""

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

from app.clients.google_tokeninfo import TokenInfoClient
from app.clients.key_sets import KeySet
from app.config import Settings
from app.config.issuers import GOOGLE, Issuer
from app.resilience.bulkhead import Bulkhead
from app.resilience.clock import Clock
from app.resilience.in_memory_rate_limit_store import RateLimitStore
from app.services.external_issuers import ExternalTokens, TrustedIssuer
from app.services.google_tokens import GoogleTokens
from app.services.tokens import Verifier
from app.wiring.client_factory import http_client
from app.wiring.event_hooks import log_keys

if TYPE_CHECKING:
    from app.clients.http import HttpClient


@dataclass(frozen=True, slots=True)
class ExternalIssuers:
    """The verifiers of external tokens, the signing keys by issuer, and the clients that fetch from the issuers."""

    verifiers: list[Verifier]
    key_sets: dict[str, KeySet]
    clients: "list[HttpClient]"


def external_issuers(
    settings: Settings, rate_limits: RateLimitStore, bulkhead: Bulkhead, clock: Clock
) -> ExternalIssuers:
    """Return the external issuers that the settings name."""
    external, trusted = ExternalIssuers([], {}, []), {}
    for each in settings.issuers:
        if each.jwks_url:
            parts = urlsplit(each.jwks_url)
            external.clients.append(http_client(f"keys of {each.url}", f"{parts.scheme}://{parts.netloc}"))
            fetch = partial(external.clients[-1].get, parts.path, params=dict(parse_qsl(parts.query)))
            keys = KeySet(fetch, hooks=(partial(log_keys, each.url),))
            external.key_sets[each.url], trusted[each.url] = keys, TrustedIssuer(each, keys)
    if trusted:
        external.verifiers.append(ExternalTokens(trusted, clock=clock))
    if client_id := settings.google_client_id:
        external.clients.append(http_client("google", settings.google_url))
        named = next((each for each in settings.issuers if each.url == GOOGLE), Issuer(url=GOOGLE))
        info = TokenInfoClient(external.clients[-1])
        external.verifiers.append(
            GoogleTokens(info, named, client_id=client_id, rate_limits=rate_limits, bulkhead=bulkhead, clock=clock)
        )
    return external
