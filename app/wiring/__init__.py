"""The composition root: session, engine and clock become services."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any, Final
from urllib.parse import urlsplit

from sqlalchemy import Engine
from sqlalchemy.orm import scoped_session

from app.clients.http import HttpClient
from app.clients.key_sets import KeySet
from app.clients.mail import MailFolder, SmtpMail
from app.clients.mail_renderer import KINDS, Letters
from app.clients.preferences import RemotePreferences
from app.clients.redis_rate_limit_store import RedisRateLimitStore
from app.clients.users import RemoteUsers
from app.config import LOCAL, Settings
from app.models.common_passwords import PasswordRules
from app.models.logger import Level, LoggerSettings
from app.models.passwords import Passwords
from app.models.preferences import PreferencesView
from app.models.users import PublicUser
from app.observability import logs
from app.observability.failure_recorder import Journal
from app.repositories.autocommit_reads import Reads
from app.repositories.engine import breaker_of
from app.repositories.failures import FailureReads, FailureWriter
from app.repositories.logger import LoggerReads
from app.repositories.movies import MovieReads
from app.repositories.orders import OrderReads
from app.repositories.pool import work_slots
from app.repositories.preferences import PreferencesReads
from app.repositories.products import ProductReads
from app.repositories.readiness import DatabaseChecks
from app.repositories.sessions import RevokedTokenReads
from app.repositories.tasks import TaskReads
from app.repositories.unit_of_work import UnitOfWork
from app.repositories.users import UserReads
from app.resilience import draining, instrumentation
from app.resilience.bulkhead import Slots
from app.resilience.clock import Clock, SystemClock
from app.resilience.hashing_share import HashingShare
from app.resilience.login_throttle import Attempts
from app.resilience.mail_throttle import Postage
from app.resilience.rate_limit_store import InMemoryRateLimitStore, RateLimitStore
from app.resilience.stale_cache import Copies
from app.services.deletion import ERASE, DeletionService
from app.services.expiry import ExpiryService
from app.services.failures import FailureService
from app.services.idempotency import IdempotencyService
from app.services.jobs import Handler, JobService
from app.services.logger import LoggerService
from app.services.movies import MovieService
from app.services.orders import OrderService
from app.services.passwords import PasswordService
from app.services.preferences import PreferencesService
from app.services.products import ProductService
from app.services.profiles import Kept, ProfileService, Source, elsewhere, here
from app.services.readiness import ReadinessService
from app.services.revocations import RevocationList
from app.services.sessions import SessionService
from app.services.tasks import TaskService
from app.services.tokens import TokenService
from app.services.users import UserService
from app.wiring.client_factory import asking
from app.wiring.external_issuers import Others, others_than_us
from app.wiring.hooks import count_job, log_degraded, log_job, log_revocations, log_turns, measure_revocations

PATIENCE_FOR_USERS: Final = timedelta(milliseconds=800)
PATIENCE_FOR_PREFERENCES: Final = timedelta(milliseconds=500)
COPIES_LAST: Final = timedelta(minutes=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Every use case there is, and what they go by: the clock, work slots, and the windows that limits count in."""

    clock: Clock
    slots: Slots
    deletion: DeletionService
    expiry: ExpiryService
    hashing: HashingShare
    failures: FailureService
    idempotency: IdempotencyService
    jobs: JobService
    logger: LoggerService
    movies: MovieService
    orders: OrderService
    passwords: PasswordService
    preferences: PreferencesService
    products: ProductService
    profiles: ProfileService
    readiness: ReadinessService
    revocations: RevocationList
    sessions: SessionService
    tasks: TaskService
    tokens: TokenService
    users: UserService
    windows: RateLimitStore
    breakers: Callable[[], dict[str, str]]
    """Tells the state of every breaker, by what it guards."""
    clients: Sequence[HttpClient]
    """Those who are asked over HTTP."""
    key_sets: Mapping[str, KeySet]
    """The keys of those who issue tokens besides us, by issuer."""


def _slots(settings: Settings) -> Slots:
    """Return a slot per connection but the one that readiness keeps; every thread that is left may wait for one."""
    size = work_slots(settings.database_pool_size)
    return Slots(size, queue=max(0, settings.web_threads - size))


def _profiles(settings: Settings, reads: Reads) -> tuple[ProfileService, list[HttpClient]]:
    """Return the service, and those whom it asks."""
    asked: list[HttpClient] = []
    users: Source[PublicUser] = here(UserReads(reads).get)
    preferences: Source[PreferencesView] = here(PreferencesReads(reads).get)
    if settings.users_url:
        asked.append(asking("users", settings.users_url, PATIENCE_FOR_USERS))
        users = elsewhere("users", RemoteUsers(asked[-1]).get)
    if settings.preferences_url:
        asked.append(asking("preferences", settings.preferences_url, PATIENCE_FOR_PREFERENCES))
        preferences = elsewhere("preferences", RemotePreferences(asked[-1]).get)
    copies: Kept | None = Copies(lasting=COPIES_LAST) if settings.users_url else None
    return ProfileService(users=users, preferences=preferences, copies=copies, hooks=(log_degraded,)), asked


def _tokens(settings: Settings, revocations: RevocationList, others: Others, clock: Clock) -> TokenService:
    return TokenService(
        secret=settings.jwt_secret,
        audience=settings.jwt_audience or None,
        issuer=settings.jwt_issuer or None,
        clock=clock,
        keys=dict(settings.jwt_keys),
        revoked=revocations,
        others=others.verifiers,
    )


def _accounts(
    settings: Settings,
    reads: UserReads,
    unit_of_work: Callable[[], UnitOfWork],
    tokens: TokenService,
    windows: RateLimitStore,
    clock: Clock,
) -> tuple[UserService, SessionService, PasswordService, DeletionService]:
    """Return what has to do with passwords."""
    passwords, attempts, postage = Passwords(HashingShare.check), Attempts(windows), Postage(windows)
    rules = PasswordRules(own=("candor", urlsplit(settings.public_url).hostname or ""))
    users = UserService(
        reads=reads,
        unit_of_work=unit_of_work,
        passwords=passwords,
        rules=rules,
        postage=postage,
        clock=clock,
        default_scopes=settings.default_scopes,
    )
    sessions = SessionService(
        users=reads, unit_of_work=unit_of_work, passwords=passwords, issuer=tokens, attempts=attempts, clock=clock
    )
    passwords_of = PasswordService(
        reads=reads,
        unit_of_work=unit_of_work,
        passwords=passwords,
        rules=rules,
        attempts=attempts,
        postage=postage,
        clock=clock,
    )
    deletion = DeletionService(
        reads=reads, unit_of_work=unit_of_work, passwords=passwords, attempts=attempts, clock=clock
    )
    return users, sessions, passwords_of, deletion


def _handlers(settings: Settings) -> dict[str, Handler]:
    """Return who does which job. In production mail waits in the queue until there is a server to send it."""
    links = {"mail.activation": settings.activation_url, "mail.password_reset": settings.password_reset_url}
    letters = Letters(sender=settings.mail_from, public_url=settings.public_url, links=links)
    if settings.smtp_url:
        return dict.fromkeys(KINDS, SmtpMail(settings.smtp_url, letters))
    return {} if settings.is_production else dict.fromkeys(KINDS, MailFolder(LOCAL / "mail", letters))


def _logger(settings: Settings, reads: Reads, unit_of_work: Callable[[], UnitOfWork], clock: Clock) -> LoggerService:
    return LoggerService(
        reads=LoggerReads(reads),
        unit_of_work=unit_of_work,
        clock=clock,
        log=logs,
        default=LoggerSettings(Level[settings.log_level], log_error_stack=True),
        least=Level[settings.log_level_min],
    )


def _readiness(reads: Reads, shared: RedisRateLimitStore | None, asked: Sequence[HttpClient]) -> ReadinessService:
    """Return the service; what all instances share is no reason to send all of them away."""
    cache = {"cache": shared.is_shared} if shared else {}
    return ReadinessService(
        DatabaseChecks(reads).all(),
        dispensable={**cache, **{each.name: each.answers for each in asked}},
        is_draining=draining.has_begun,
    )


def _breakers(
    engine: Callable[[], Engine], shared: RedisRateLimitStore | None, clients: Sequence[HttpClient]
) -> Callable[[], dict[str, str]]:
    """Return what tells the state of every breaker; the engine's is there once somebody has asked for the engine."""

    def told() -> dict[str, str]:
        all_ = (breaker_of(engine()), shared and shared.breaker, *(each.breaker for each in clients))
        return {each.name: each.state().value for each in all_ if each}

    return told


def wire(
    settings: Settings, session: scoped_session[Any], engine: Callable[[], Engine], clock: Clock | None = None
) -> Services:
    """Return the services on this database."""
    clock = clock or SystemClock()
    reads, unit_of_work = Reads(engine, session), partial(UnitOfWork, session, engine)
    shared = (
        RedisRateLimitStore(settings.redis_url, hooks=(log_turns, instrumentation.breakers)) if settings.redis_url else None
    )
    windows, slots = shared or InMemoryRateLimitStore(), _slots(settings)
    others = others_than_us(settings, windows, slots, clock)
    revocations = RevocationList(RevokedTokenReads(reads), clock=clock, hooks=(log_revocations, measure_revocations))
    tokens = _tokens(settings, revocations, others, clock)
    users, sessions, passwords, deletion = _accounts(settings, UserReads(reads), unit_of_work, tokens, windows, clock)
    profiles, asked = _profiles(settings, reads)
    clients = [*others.clients, *asked]
    return Services(
        clock=clock,
        slots=slots,
        hashing=HashingShare(slots, threads=settings.web_threads),
        windows=windows,
        deletion=deletion,
        expiry=ExpiryService(
            unit_of_work=unit_of_work, clock=clock, failures_for=timedelta(days=settings.failures_days)
        ),
        failures=FailureService(
            failures=FailureReads(reads), public_url=settings.public_url, trace_url=settings.trace_url
        ),
        idempotency=IdempotencyService(unit_of_work=unit_of_work, clock=clock),
        jobs=JobService(
            unit_of_work=unit_of_work,
            handlers={ERASE: deletion.erase, **_handlers(settings)},
            hooks=(log_job, count_job),
        ),
        logger=_logger(settings, reads, unit_of_work, clock),
        movies=MovieService(reads=MovieReads(reads), unit_of_work=unit_of_work, clock=clock),
        orders=OrderService(reads=OrderReads(reads), unit_of_work=unit_of_work, clock=clock),
        passwords=passwords,
        preferences=PreferencesService(reads=PreferencesReads(reads), unit_of_work=unit_of_work),
        products=ProductService(reads=ProductReads(reads), unit_of_work=unit_of_work, clock=clock),
        profiles=profiles,
        readiness=_readiness(reads, shared, asked),
        revocations=revocations,
        sessions=sessions,
        tasks=TaskService(reads=TaskReads(reads), unit_of_work=unit_of_work, clock=clock),
        tokens=tokens,
        users=users,
        breakers=_breakers(engine, shared, clients),
        clients=clients,
        key_sets=others.key_sets,
    )


def journal(settings: Settings) -> Journal:
    """Return what keeps failed requests, on this database."""
    write = FailureWriter(settings.database_url, kept=settings.failures_kept, days=settings.failures_days)
    return Journal(write, sample=settings.failures_sample)
