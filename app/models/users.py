"""Users, registrations that are not activated yet, and password resets."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol
from uuid import UUID, uuid4

from sqlalchemy import ARRAY, CheckConstraint, Index, LargeBinary, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.errs.users import InvalidOneTimeToken, NotThisUser
from app.models.declarative_base import PERSONAL, Base
from app.request_context import Principal

NAME_LENGTH: Final = 100
EMAIL_LENGTH: Final = 254
EMAIL_PATTERN: Final = (
    r"^(?=[^@]{1,64}@)[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    r"@[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)+$"
)
"""Email addresses (RFC 5321), without quoted strings, address literals and non-ASCII characters."""
OWN: Final = "account"
"""The scope of operations on the caller's own account. Every session has it."""
ACTIVATION: Final = timedelta(days=3)
RESET: Final = timedelta(minutes=45)
DELETED_USER_ID: Final = UUID(int=0)
"""The nil UUID. No user has this ID."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewUser:
    """The caller's data for a registration. It has no password: the recipient of the email chooses one."""

    name: str
    email: str


class PendingUser(Protocol):
    """The owner of the account that a new password is for. The password must not be derived from these attributes."""

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def email(self) -> str | None: ...  # noqa: D102


class PublicUser(Protocol):
    """The attributes of a user that authorized callers can see."""

    @property
    def id(self) -> UUID: ...  # noqa: D102
    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def email(self) -> str | None: ...  # noqa: D102
    @property
    def scopes(self) -> list[str]: ...  # noqa: D102
    @property
    def create_time(self) -> datetime: ...  # noqa: D102
    @property
    def update_time(self) -> datetime: ...  # noqa: D102


class UserView(PublicUser, Protocol):
    """The readable attributes of a user, as an entity or as a row of columns."""

    @property
    def password_hash(self) -> str | None: ...  # noqa: D102
    @property
    def is_disabled(self) -> bool: ...  # noqa: D102
    @property
    def version(self) -> int: ...  # noqa: D102


def same_address(email: str) -> str:
    """Return the form in which addresses are stored and compared: in lower case; too long ones are truncated."""
    return email[: EMAIL_LENGTH + 1].lower()


def check_is_caller(user_id: UUID, caller: Principal) -> None:
    """Check that the caller is this user or an admin.

    Raises:
        NotThisUser: the caller is another user. Whether the requested user exists is not looked up.
    """
    if str(user_id) != caller.id and not caller.is_admin:
        raise NotThisUser(user=caller.id)


def user_id_of(subject: str) -> UUID:
    """Return the user ID of a token's subject; ``DELETED_USER_ID`` if it is not a user ID in canonical form."""
    try:
        user_id = UUID(subject)
    except ValueError:
        return DELETED_USER_ID
    return user_id if str(user_id) == subject else DELETED_USER_ID


class Registration(Base):
    """A registration. It becomes a user once its token, which proves the address, comes back with a password."""

    __tablename__ = "registrations"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(Text, info=PERSONAL)
    name: Mapped[str] = mapped_column(Text, info=PERSONAL)
    password_hash: Mapped[str | None] = mapped_column(Text)
    """Not used. The previous release runs on this schema during an upgrade and writes it. Drop it in the next one."""
    token_digest: Mapped[bytes] = mapped_column(LargeBinary)
    expire_time: Mapped[datetime]

    __table_args__ = (
        Index("uq_registrations_token_digest", "token_digest", unique=True),
        Index("ix_registrations_email", "email"),
        Index("ix_registrations_expire_time", "expire_time"),
    )

    @classmethod
    def create(cls, new: NewUser, *, token_digest: bytes, at: datetime) -> "Registration":
        """Return a registration that waits for activation."""
        return cls(
            id=uuid4(),
            email=same_address(new.email),
            name=new.name,
            token_digest=token_digest,
            expire_time=at + ACTIVATION,
        )


class User(Base):
    """A user with an account. The row of a deleted account has no name, no address and no password."""

    __tablename__ = "users"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(Text, info=PERSONAL)
    email: Mapped[str | None] = mapped_column(Text, info=PERSONAL)
    password_hash: Mapped[str | None] = mapped_column(Text)
    scopes: Mapped[list[str]] = mapped_column(ARRAY(Text))
    is_disabled: Mapped[bool]
    create_time: Mapped[datetime]
    update_time: Mapped[datetime]
    delete_time: Mapped[datetime | None]
    version: Mapped[int]

    __table_args__ = (
        Index("uq_users_email", "email", unique=True, info={"violated": InvalidOneTimeToken}),
        CheckConstraint(f"char_length(name) <= {NAME_LENGTH}", "name_length"),
        CheckConstraint(f"char_length(email) <= {EMAIL_LENGTH}", "email_length"),
        CheckConstraint("(delete_time IS NULL) = (email IS NOT NULL AND password_hash IS NOT NULL)", "deleted_unknown"),
    )

    @classmethod
    def activate(
        cls, registration: Registration, *, password_hash: str, scopes: tuple[str, ...], at: datetime
    ) -> "User":
        """Return the user of an activated registration, with the password that was sent with the token."""
        return cls(
            id=uuid4(),
            name=registration.name,
            email=registration.email,
            password_hash=password_hash,
            scopes=list(scopes),
            is_disabled=False,
            create_time=at,
            update_time=at,
            delete_time=None,
            version=1,
        )

    def grant(self, scopes: Collection[str], *, at: datetime) -> None:
        """Grant the user more scopes."""
        self.scopes = sorted({*self.scopes, *scopes})
        self._touch(at)

    def revoke(self, scopes: Collection[str], *, at: datetime) -> None:
        """Remove scopes from the user."""
        self.scopes = [scope for scope in self.scopes if scope not in scopes]
        self._touch(at)

    def change(self, changes: Mapping[str, str], *, at: datetime) -> None:
        """Set the given fields. Without changes, the version stays the same."""
        for name, value in changes.items():
            setattr(self, name, value)
        if changes:
            self._touch(at)

    def set_password(self, password_hash: str, *, at: datetime) -> None:
        """Set another password."""
        self.password_hash = password_hash
        self._touch(at)

    def anonymize(self, *, at: datetime) -> None:
        """Delete the personal data. The row stays, therefore its ID is never given to another user."""
        self.name, self.email, self.password_hash, self.scopes = "", None, None, []
        self.delete_time = at
        self._touch(at)

    def disable(self, *, at: datetime) -> None:
        """Disable login for the user."""
        self.is_disabled = True
        self._touch(at)

    def enable(self, *, at: datetime) -> None:
        """Enable login for the user again."""
        self.is_disabled = False
        self._touch(at)

    def _touch(self, at: datetime) -> None:
        self.update_time = max(at, self.update_time)
        self.version += 1


class PasswordReset(Base):
    """A password reset that the token of an email permits, possibly for ``DELETED_USER_ID``.

    There is no foreign key: the time to check it would reveal that the user exists.
    """

    __tablename__ = "password_resets"

    token_digest: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    user_id: Mapped[UUID]
    expire_time: Mapped[datetime]

    __table_args__ = (
        Index("ix_password_resets_user_id", "user_id"),
        Index("ix_password_resets_expire_time", "expire_time"),
    )
