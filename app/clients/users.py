"""Users, where another instance of this service keeps them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from app.clients import peer
from app.clients.http import HttpClient


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownUser:
    """What another instance tells of a user."""

    id: UUID
    name: str
    email: str
    scopes: list[str]
    create_time: datetime
    update_time: datetime


class RemoteUsers:
    """Asks for users."""

    def __init__(self, instance: HttpClient) -> None:
        self._instance = instance

    def get(self, user_id: UUID) -> KnownUser:
        """Return the user.

        Raises:
            Error: there is none, or there is no telling.
        """
        said = peer.ask(self._instance, f"/v1/users/{user_id}")
        try:
            return _user(said, user_id)
        except (TypeError, ValueError, KeyError) as error:
            raise peer.nonsense(self._instance, error) from error


def _user(said: Any, user_id: UUID) -> KnownUser:
    """Return the user that was asked for.

    Raises:
        TypeError, ValueError, KeyError: it is another one, or none.
    """
    scopes = [_text(scope) for scope in said["scopes"]]
    if UUID(_text(said["id"])) != user_id:
        raise ValueError("this is somebody else")
    return KnownUser(
        id=user_id,
        name=_text(said["name"]),
        email=_text(said["email"]),
        scopes=scopes,
        create_time=_moment(said["create_time"]),
        update_time=_moment(said["update_time"]),
    )


def _text(said: object) -> str:
    if not isinstance(said, str):
        raise TypeError("this is no text")
    return said


def _moment(said: object) -> datetime:
    moment = datetime.fromisoformat(_text(said))
    if moment.tzinfo is None:
        raise ValueError("this is no moment")
    return moment
