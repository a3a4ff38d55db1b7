"""The services of accounts: tokens, users, sessions, passwords and deletion."""

from collections.abc import Callable
from urllib.parse import urlsplit

from app.config import Settings
from app.models.common_passwords import PasswordRules
from app.models.passwords import Argon2Passwords
from app.product import SLUG
from app.repositories.unit_of_work import UnitOfWork
from app.repositories.users import UserReads
from app.resilience.clock import Clock
from app.resilience.hashing_share import HashingShare
from app.resilience.in_memory_rate_limit_store import RateLimitStore
from app.resilience.login_throttle import LoginThrottle
from app.resilience.mail_throttle import MailThrottle
from app.services.deletion import DeletionService
from app.services.passwords import PasswordService
from app.services.revocations import RevocationList
from app.services.sessions import SessionService
from app.services.tokens import TokenService
from app.services.users import UserService
from app.wiring.external_issuers import ExternalIssuers


def token_service(
    settings: Settings, revocations: RevocationList, external: ExternalIssuers, clock: Clock
) -> TokenService:
    """Return the service that issues and verifies tokens."""
    return TokenService(
        secret=settings.jwt_secret,
        audience=settings.jwt_audience or None,
        issuer=settings.jwt_issuer or None,
        clock=clock,
        keys=dict(settings.jwt_keys),
        revoked=revocations,
        external=external.verifiers,
    )


def account_services(
    settings: Settings,
    reads: UserReads,
    unit_of_work: Callable[[], UnitOfWork],
    tokens: TokenService,
    rate_limits: RateLimitStore,
    clock: Clock,
) -> tuple[UserService, SessionService, PasswordService, DeletionService]:
    """Return the services that use passwords."""
    passwords, login_throttle, mail_throttle = (
        Argon2Passwords(HashingShare.check),
        LoginThrottle(rate_limits),
        MailThrottle(rate_limits),
    )
    rules = PasswordRules(own=(SLUG, urlsplit(settings.public_url).hostname or ""))
    users = UserService(
        reads=reads,
        unit_of_work=unit_of_work,
        passwords=passwords,
        rules=rules,
        mail_throttle=mail_throttle,
        clock=clock,
        default_scopes=settings.default_scopes,
    )
    sessions = SessionService(
        users=reads,
        unit_of_work=unit_of_work,
        passwords=passwords,
        issuer=tokens,
        login_throttle=login_throttle,
        clock=clock,
    )
    passwords_of = PasswordService(
        reads=reads,
        unit_of_work=unit_of_work,
        passwords=passwords,
        rules=rules,
        login_throttle=login_throttle,
        mail_throttle=mail_throttle,
        clock=clock,
    )
    deletion = DeletionService(
        reads=reads, unit_of_work=unit_of_work, passwords=passwords, login_throttle=login_throttle, clock=clock
    )
    return users, sessions, passwords_of, deletion
