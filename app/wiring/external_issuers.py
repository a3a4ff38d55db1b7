"""Those who issue tokens besides us: wired when the settings name them."""

from dataclasses import dataclass
from functools import partial
from urllib.parse import parse_qsl, urlsplit

from app.clients.google import TokenInfo
from app.clients.http import HttpClient
from app.clients.key_sets import KeySet
from app.config import Settings
from app.config.issuers import GOOGLE, Issuer
from app.resilience.bulkhead import Slots
from app.resilience.clock import Clock
from app.resilience.rate_limit_store import RateLimitStore
from app.services.external_issuers import ForeignTokens, Known
from app.services.google import GoogleTokens
from app.services.tokens import Verifier
from app.wiring.client_factory import asking
from app.wiring.hooks import log_keys


@dataclass(frozen=True, slots=True)
class Others:
    """Those who issue tokens besides us: who verifies these, the keys by issuer, and who asks them."""

    verifiers: list[Verifier]
    key_sets: dict[str, KeySet]
    clients: list[HttpClient]


def others_than_us(settings: Settings, windows: RateLimitStore, slots: Slots, clock: Clock) -> Others:
    """Return who verifies the tokens of others, as far as any are named."""
    others, known = Others([], {}, []), {}
    for each in settings.issuers:
        if each.jwks_url:
            parts = urlsplit(each.jwks_url)
            others.clients.append(asking(f"keys of {each.url}", f"{parts.scheme}://{parts.netloc}"))
            ask = partial(others.clients[-1].get, parts.path, params=dict(parse_qsl(parts.query)))
            keys = KeySet(ask, hooks=(partial(log_keys, each.url),))
            others.key_sets[each.url], known[each.url] = keys, Known(each, keys)
    if known:
        others.verifiers.append(ForeignTokens(known, clock=clock))
    if client_id := settings.google_client_id:
        others.clients.append(asking("google", settings.google_url))
        named = next((each for each in settings.issuers if each.url == GOOGLE), Issuer(url=GOOGLE))
        info = TokenInfo(others.clients[-1])
        others.verifiers.append(
            GoogleTokens(info, named, client_id=client_id, windows=windows, slots=slots, clock=clock)
        )
    return others
