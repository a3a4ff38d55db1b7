"""Users of another instance of this service."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from app.clients import other_instance
from app.clients.http import HttpClient


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteUser:
    """A user as another instance returns it."""

    id: UUID
    name: str
    email: str
    scopes: list[str]
    create_time: datetime
    update_time: datetime


class RemoteUsers:
    """Reads users."""

    def __init__(self, instance: HttpClient) -> None:
        self._instance = instance

    def get(self, user_id: UUID) -> RemoteUser:
        """Return the user.

        Raises:
            Error: the user does not exist, the call failed, or the response was not usable.
        """
        document = other_instance.get(self._instance, f"/v1/users/{user_id}")
        try:
            return _user(document, user_id)
        except (TypeError, ValueError, KeyError) as error:
            raise other_instance.unexpected_response(self._instance, error) from error


def _user(document: Any, user_id: UUID) -> RemoteUser:
    """Return the user in a response.

    Raises:
        TypeError, ValueError, KeyError: it is not a valid user, or not the requested one.
    """
    scopes = [_text(scope) for scope in document["scopes"]]
    if UUID(_text(document["id"])) != user_id:
        raise ValueError("it is another user")
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
        raise TypeError("a field is not a string")
    return value


def _moment(value: object) -> datetime:
    moment = datetime.fromisoformat(_text(value))
    if moment.tzinfo is None:
        raise ValueError("a time has no time zone")
    return moment
