"""Users, where another instance of this service keeps them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from app.clients import peer
from app.clients.http import HttpClient


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteUser:
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

    def get(self, user_id: UUID) -> RemoteUser:
        """Return the user.

        Raises:
            Error: there is none, or there is no telling.
        """
        document = peer.get(self._instance, f"/v1/users/{user_id}")
        try:
            return _user(document, user_id)
        except (TypeError, ValueError, KeyError) as error:
            raise peer.unexpected_response(self._instance, error) from error


def _user(document: Any, user_id: UUID) -> RemoteUser:
    """Return the user that was asked for.

    Raises:
        TypeError, ValueError, KeyError: it is another one, or none.
    """
    scopes = [_text(scope) for scope in document["scopes"]]
    if UUID(_text(document["id"])) != user_id:
        raise ValueError("this is somebody else")
    return RemoteUser(
        id=user_id,
        name=_text(document["name"]),
        email=_text(document["email"]),
        scopes=scopes,
        create_time=_moment(document["create_time"]),
        update_time=_moment(document["update_time"]),
    )


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("this is no text")
    return value


def _moment(value: object) -> datetime:
    moment = datetime.fromisoformat(_text(value))
    if moment.tzinfo is None:
        raise ValueError("this is no moment")
    return moment
