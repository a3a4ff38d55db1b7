"""The composition root: creates the services from settings, session, engine and clock."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from sqlalchemy import Engine
from sqlalchemy.orm import scoped_session

from app.clients.key_sets import KeySet
from app.clients.mail_renderer import KINDS, MailRenderer
from app.config import LOCAL, Settings
from app.models.logger import Level, LoggerSettings
from app.observability import logs
from app.observability.failure_recorder import FailureRecorder
from app.repositories.autocommit_reads import Reads
from app.repositories.engine import breaker_of
from app.repositories.failed_requests import FailureReads, FailureWriter
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
from app.resilience import draining
from app.resilience.bulkhead import Bulkhead
from app.resilience.clock import Clock, SystemClock
from app.resilience.hashing_share import HashingShare
from app.resilience.in_memory_rate_limit_store import InMemoryRateLimitStore, RateLimitStore
from app.services.deletion import ERASE, DeletionService
from app.services.expiry import ExpiryService
from app.services.failed_requests import FailureService
from app.services.idempotency import IdempotencyService
from app.services.jobs import Handler, JobService
from app.services.logger import LoggerService
from app.services.movies import MovieService
from app.services.orders import OrderService
from app.services.passwords import PasswordService
from app.services.preferences import PreferencesService
from app.services.products import ProductService
from app.services.profiles import ProfileService
from app.services.readiness import ReadinessService
from app.services.revocations import RevocationList
from app.services.sessions import SessionService
from app.services.tasks import TaskService
from app.services.tokens import TokenService
from app.services.users import UserService
from app.wiring import accounts, client_factory, event_hooks
from app.wiring.external_issuers import external_issuers
from app.wiring.profiles import profile_service
from app.wiring.replicas import Replicas, replicas

if TYPE_CHECKING:
    from app.clients.http import HttpClient
    from app.clients.redis_rate_limit_store import RedisRateLimitStore
    from app.observability.sentry_reporter import SentryReporter


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """All services, and their shared dependencies: the clock, the work slots, and the rate-limit counters."""

    clock: Clock
    bulkhead: Bulkhead
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
    rate_limits: RateLimitStore
    breakers: Callable[[], dict[str, str]]
    """Returns the state of every circuit breaker, by dependency."""
    clients: "Sequence[HttpClient]"
    """The clients of HTTP dependencies."""
    replica: Engine | None
    """The engine of the replicas, if there are any."""
    key_sets: Mapping[str, KeySet]
    """The signing keys of external issuers, by issuer."""


def _bulkhead(settings: Settings) -> Bulkhead:
    """Return the bulkhead: one work slot per connection, except readiness's. All other threads may wait for a slot."""
    size = work_slots(settings.database_pool_size)
    return Bulkhead(size, queue=max(0, settings.web_threads - size))


def _handlers(settings: Settings) -> dict[str, Handler]:
    """Return the job handlers by kind. In production without SMTP_URL, emails stay in the queue."""
    links = {"mail.activation": settings.activation_url, "mail.password_reset": settings.password_reset_url}
    renderer = MailRenderer(sender=settings.mail_from, public_url=settings.public_url, links=links)
    if settings.is_production and not settings.smtp_url:
        return {}
    from app.clients.mail import MailFolder, SmtpMail  # noqa: PLC0415 -- it loads smtplib

    mail = SmtpMail(settings.smtp_url, renderer) if settings.smtp_url else MailFolder(LOCAL / "mail", renderer)
    return dict.fromkeys(KINDS, mail)


def _logger(settings: Settings, reads: Reads, unit_of_work: Callable[[], UnitOfWork], clock: Clock) -> LoggerService:
    return LoggerService(
        reads=LoggerReads(reads),
        unit_of_work=unit_of_work,
        clock=clock,
        log=logs,
        default=LoggerSettings(Level[settings.log_level], log_error_stack=True),
        least=Level[settings.log_level_min],
    )


def _readiness(
    reads: Reads, redis: "RedisRateLimitStore | None", clients: "Sequence[HttpClient]", replicated: Replicas
) -> ReadinessService:
    """Return the service. Shared dependencies are optional: their failure must not make all instances unready."""
    cache = {"cache": redis.is_shared} if redis else {}
    database = DatabaseChecks(reads)
    return ReadinessService(
        database.all(),
        optional={**cache, **replicated.checks, **{each.name: each.is_available for each in clients}},
        conditions={"writes": database.are_writes_replicated},
        is_draining=draining.has_begun,
    )


def _breakers(
    engine: Callable[[], Engine],
    redis: "RedisRateLimitStore | None",
    clients: "Sequence[HttpClient]",
    replicated: Replicas,
) -> Callable[[], dict[str, str]]:
    """Return a function that returns the state of every breaker, by name."""

    def states() -> dict[str, str]:
        all_ = (breaker_of(engine()), replicated.breaker, redis and redis.breaker, *(each.breaker for each in clients))
        return {each.name: each.state().value for each in all_ if each}

    return states


def wire(
    settings: Settings, session: scoped_session[Any], engine: Callable[[], Engine], clock: Clock | None = None
) -> Services:
    """Return the services for this database."""
    clock = clock or SystemClock()
    reads, unit_of_work = Reads(engine, session), partial(UnitOfWork, session, engine)
    replicated = replicas(settings, session, engine, reads)
    redis = client_factory.redis_store(settings.redis_url) if settings.redis_url else None
    rate_limits, bulkhead = redis or InMemoryRateLimitStore(), _bulkhead(settings)
    external = external_issuers(settings, rate_limits, bulkhead, clock)
    revocations = RevocationList(
        RevokedTokenReads(reads), clock=clock, hooks=(event_hooks.log_revocations, event_hooks.measure_revocations)
    )
    tokens = accounts.token_service(settings, revocations, external, clock)
    users, sessions, passwords, deletion = accounts.account_services(
        settings, UserReads(reads), unit_of_work, tokens, rate_limits, clock
    )
    remote: list[HttpClient] = []
    profiles = profile_service(settings, reads, clients=remote)
    clients = [
        *external.clients,
        *remote,
    ]
    return Services(
        clock=clock,
        bulkhead=bulkhead,
        hashing=HashingShare(bulkhead, threads=settings.web_threads),
        rate_limits=rate_limits,
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
            handlers={
                ERASE: deletion.erase,
                **_handlers(settings),
            },
            hooks=(event_hooks.log_job, event_hooks.count_job),
        ),
        logger=_logger(settings, reads, unit_of_work, clock),
        movies=MovieService(reads=MovieReads(replicated.reads), unit_of_work=unit_of_work, clock=clock),
        orders=OrderService(reads=OrderReads(replicated.reads), unit_of_work=unit_of_work, clock=clock),
        passwords=passwords,
        preferences=PreferencesService(reads=PreferencesReads(reads), unit_of_work=unit_of_work),
        products=ProductService(reads=ProductReads(reads), unit_of_work=unit_of_work, clock=clock),
        profiles=profiles,
        readiness=_readiness(reads, redis, remote, replicated),
        revocations=revocations,
        sessions=sessions,
        tasks=TaskService(reads=TaskReads(replicated.reads), unit_of_work=unit_of_work, clock=clock),
        tokens=tokens,
        users=users,
        breakers=_breakers(engine, redis, clients, replicated),
        clients=clients,
        replica=replicated.engine,
        key_sets=external.key_sets,
    )


def sentry_reporter(settings: Settings) -> "SentryReporter | None":
    """Return the reporter of unforeseen exceptions, if SENTRY_DSN is set."""
    if not settings.sentry_dsn:
        return None
    from app.observability.sentry_reporter import SentryReporter  # noqa: PLC0415 -- its package is optional

    return SentryReporter(settings.sentry_dsn, environment=settings.app_env)


def failure_recorder(settings: Settings) -> FailureRecorder:
    """Return the recorder of failed requests for this database."""
    write = FailureWriter(settings.database_url, max_rows=settings.failures_kept, days=settings.failures_days)
    return FailureRecorder(write, sample=settings.failures_sample)
