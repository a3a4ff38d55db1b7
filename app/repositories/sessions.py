"""Refresh tokens by digest, issued tokens, and revoked sessions and tokens."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Text,
    bindparam,
    cast,
    delete,
    func,
    literal_column,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.errs.sessions import InvalidCredentials
from app.errs.users import UserNotFound
from app.models.sessions import IssuedToken, RefreshToken, RevokedToken, TokenIdentity
from app.models.token_lifetimes import ACCESS_LIFETIME
from app.models.users import User, UserView, user_id_of
from app.repositories.autocommit_reads import Reads
from app.repositories.compiled_statement import CompiledStatement
from app.repositories.expiry import KEPT_ON

DELETED_PER_RUN: Final = 10
"""The number of expired tokens that each new one deletes. It is more than one, therefore the table stays small."""
HORIZON: Final = CompiledStatement(
    select(
        literal_column("pg_snapshot_xmin(pg_current_snapshot())::text::bigint").label("xid"),
        literal_column("pg_postmaster_start_time()::text").label("server"),
    )
)
_ENTRIES: Final = select(
    RevokedToken.id,
    cast(func.ceil(func.extract("epoch", RevokedToken.expire_time)), BigInteger).label("until"),
    RevokedToken.xid,
    RevokedToken.seq,
).where(RevokedToken.expire_time > func.now())
REVOKED: Final = CompiledStatement(
    _ENTRIES.where(
        tuple_(RevokedToken.xid, RevokedToken.seq)
        > tuple_(bindparam("xid", type_=BigInteger), bindparam("seq", type_=BigInteger))
    )
    .order_by(RevokedToken.xid, RevokedToken.seq)
    .limit(bindparam("most"))
)
NEWEST: Final = CompiledStatement(
    _ENTRIES.order_by(RevokedToken.xid.desc(), RevokedToken.seq.desc()).limit(bindparam("most"))
)


class RevokedTokenReads:
    """Reads revoked sessions and tokens, in the order of the transactions that revoked them."""

    def __init__(self, reads: Reads) -> None:
        self._reads = reads

    def horizon(self) -> tuple[int, str]:
        """Return the ID below which all transactions have ended, and an identifier of the server process."""
        row: Any = self._reads.first(HORIZON)
        return int(row.xid), str(row.server)

    def after(self, xid: int, seq: int, *, most: int) -> list[Any]:
        """Return at most ``most`` unexpired entries after this one."""
        return self._reads.all(REVOKED, xid=xid, seq=seq, most=most)

    def newest(self, *, most: int) -> list[Any]:
        """Return at most ``most`` of the newest entries."""
        return self._reads.all(NEWEST, most=most)


class SessionRepository:
    """The refresh tokens of all sessions, inside a unit of work."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def begin(self, token: RefreshToken, user: UserView, *, now: datetime) -> list[str]:
        """Add the first token of a session, and return the current scopes of the user.

        Raises:
            InvalidCredentials: meanwhile the password was changed, or the user was disabled or deleted.
        """
        unchanged = select(User.scopes).where(
            User.id == user.id, User.password_hash == user.password_hash, User.is_disabled.is_(False)
        )
        scopes = self._session.scalar(unchanged.with_for_update(read=True))
        if scopes is None:
            raise InvalidCredentials
        self.add(token, now=now)
        return scopes

    def add(self, token: RefreshToken, *, now: datetime) -> None:
        """Add the token, and delete a few expired ones."""
        self._session.add(token)
        self._session.flush()
        expired = select(RefreshToken.id).where(RefreshToken.expire_time <= now - KEPT_ON).limit(DELETED_PER_RUN)
        self._session.execute(
            delete(RefreshToken).where(RefreshToken.id.in_(expired.with_for_update(skip_locked=True)))
        )

    def use(self, digest: bytes, *, now: datetime) -> tuple[RefreshToken, User] | None:
        """Return the token and its user; ``None`` if it is unknown.

        Both are locked until the unit of work ends: every change of a user's sessions locks the user first.
        """
        whose = select(RefreshToken.user_id).where(RefreshToken.digest == digest, RefreshToken.expire_time > now)
        user = self._session.scalar(select(User).where(User.id.in_(whose)).with_for_update(key_share=True))
        token = self._session.scalar(select(RefreshToken).where(RefreshToken.digest == digest))
        return None if user is None or token is None else (token, user)

    def is_successor_used(self, replaced: RefreshToken) -> bool:
        """Return whether a token that replaced this one has been used."""
        later = select(RefreshToken.id).where(
            RefreshToken.session_id == replaced.session_id,
            RefreshToken.create_time >= replaced.replace_time,
            RefreshToken.use_time.is_not(None),
            RefreshToken.id != replaced.id,
        )
        return self._session.scalar(later.limit(1)) is not None

    def count(self, session_id: UUID, *, since: datetime) -> int:
        """Return the number of refresh tokens that were issued to the session since then."""
        given = select(func.count()).where(RefreshToken.session_id == session_id, RefreshToken.create_time > since)
        return int(self._session.scalar(given) or 0)

    def supersede(self, used: RefreshToken, *, now: datetime) -> None:
        """Supersede the unused tokens that replaced this token."""
        self._session.execute(
            update(RefreshToken)
            .where(
                RefreshToken.session_id == used.session_id,
                RefreshToken.create_time >= used.use_time,
                RefreshToken.use_time.is_(None),
                RefreshToken.supersede_time.is_(None),
                RefreshToken.id != used.id,
            )
            .values(supersede_time=now)
            .execution_options(synchronize_session=False)
        )

    def end(self, session_id: UUID, *, now: datetime) -> None:
        """End a session: all of its tokens become invalid."""
        self._end(RefreshToken.session_id == session_id, now)

    def end_all(self, user_id: UUID, *, now: datetime) -> None:
        """End all sessions of a user, and revoke tokens issued without a session. The caller has locked the user."""
        self._end(RefreshToken.user_id == user_id, now)
        self._revoke_issued(IssuedToken.user_id == user_id)

    def end_batch(self, after: UUID, *, most: int, now: datetime) -> tuple[UUID | None, int]:
        """Lock the next users in the order of their IDs, and end their sessions as ``end_all`` does.

        It locks all users, not only those with tokens. A concurrent transaction that adds a user's first token holds a
        lock on the user. Its rows are visible only after that lock is released.

        Returns:
            The last of these users (``None`` if there are no more), and the number of ended sessions.
        """
        following = select(User.id).where(User.id > after).order_by(User.id).limit(most)
        users = self._session.scalars(following.with_for_update(key_share=True)).all()
        if not users:
            return None, 0
        theirs = RefreshToken.user_id.in_(users)
        count = self._session.scalar(select(func.count(func.distinct(RefreshToken.session_id))).where(theirs))
        self._end(theirs, now)
        self._revoke_issued(IssuedToken.user_id.in_(users))
        return users[-1], int(count or 0)

    def end_with(self, digest: bytes, token: TokenIdentity | None, *, now: datetime) -> None:
        """End the session that a refresh token or an access token belongs to, if any.

        An access token contains the session ID at the time of its issue. A change of the user's scopes changes the ID.
        """
        holds = RefreshToken.digest == digest
        for named in (user_id_of(token.id), user_id_of(token.session_id or "")) if token else ():
            holds |= (RefreshToken.id == named) | (RefreshToken.session_id == named)
        whose = select(RefreshToken.user_id).where(holds).limit(1)
        self._session.execute(select(User.id).where(User.id.in_(whose)).with_for_update(key_share=True))
        session_id = self._session.scalar(select(RefreshToken.session_id).where(holds).limit(1))
        if session_id is not None:
            self.end(session_id, now=now)

    def revoke(self, id: str, *, until: datetime) -> None:  # noqa: A002 -- the column's name
        """Revoke the access tokens of a session, or one access token without a session."""
        self._session.execute(insert(RevokedToken).values(id=id, expire_time=until + KEPT_ON).on_conflict_do_nothing())

    def revoke_access(self, user_id: UUID, *, now: datetime) -> None:
        """Revoke the user's access tokens. The sessions continue with new IDs, which the next access tokens contain."""
        self._revoke(RefreshToken.user_id == user_id, now)
        present = select(RefreshToken.session_id).where(RefreshToken.user_id == user_id).distinct().subquery()
        # PostgreSQL never inlines a CTE with a volatile function; a subquery may be evaluated again for each row.
        other = select(present.c.session_id, func.gen_random_uuid().label("other")).cte()
        self._session.execute(
            update(RefreshToken)
            .where(RefreshToken.session_id == other.c.session_id)
            .values(session_id=other.c.other)
            .execution_options(synchronize_session=False)
        )
        self._revoke_issued(IssuedToken.user_id == user_id)

    def record(self, token: IssuedToken, *, now: datetime) -> None:
        """Store a token issued without a session, if it is for a user, and delete a few expired ones.

        Raises:
            UserNotFound: the user is disabled or deleted.
        """
        whose = select(User.is_disabled, User.delete_time).where(User.id == token.user_id).with_for_update(read=True)
        user = self._session.execute(whose).one_or_none()
        if user is None:
            return
        if user.is_disabled or user.delete_time is not None:
            raise UserNotFound
        self._session.add(token)
        self._session.flush()
        expired = select(IssuedToken.id).where(IssuedToken.expire_time <= now - KEPT_ON).limit(DELETED_PER_RUN)
        self._session.execute(delete(IssuedToken).where(IssuedToken.id.in_(expired.with_for_update(skip_locked=True))))

    def _revoke_issued(self, which: ColumnElement[bool]) -> None:
        """Revoke these tokens, which were issued without a session."""
        issued = select(IssuedToken.id, IssuedToken.expire_time + KEPT_ON).where(which)
        self._session.execute(insert(RevokedToken).from_select(["id", "expire_time"], issued).on_conflict_do_nothing())
        self._session.execute(delete(IssuedToken).where(which))

    def _end(self, which: ColumnElement[bool], now: datetime) -> None:
        self._revoke(which, now)
        self._session.execute(delete(RefreshToken).where(which).execution_options(synchronize_session=False))

    def _revoke(self, which: ColumnElement[bool], now: datetime) -> None:
        """Revoke the sessions of these refresh tokens, and delete expired revocations."""
        valid = select(
            cast(RefreshToken.session_id, Text), func.max(RefreshToken.create_time) + (ACCESS_LIFETIME + KEPT_ON)
        ).where(which, RefreshToken.create_time > now - ACCESS_LIFETIME - KEPT_ON)
        sessions = valid.group_by(RefreshToken.session_id)
        self._session.execute(
            insert(RevokedToken).from_select(["id", "expire_time"], sessions).on_conflict_do_nothing()
        )
        over = select(RevokedToken.id).where(RevokedToken.expire_time <= now - KEPT_ON).limit(10 * DELETED_PER_RUN)
        self._session.execute(delete(RevokedToken).where(RevokedToken.id.in_(over.with_for_update(skip_locked=True))))
