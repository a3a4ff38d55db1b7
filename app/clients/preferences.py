"""Preferences, where another instance of this service keeps them."""

from typing import Any
from uuid import UUID

from app.clients import peer
from app.clients.http import HttpClient
from app.models.preferences import LOCALE_LENGTH, THEMES, ZONE_LENGTH, NewPreferences


class RemotePreferences:
    """Asks for preferences."""

    def __init__(self, instance: HttpClient) -> None:
        self._instance = instance

    def get(self, user_id: UUID) -> NewPreferences:
        """Return what a user prefers.

        Raises:
            Error: there is no telling.
        """
        document = peer.get(self._instance, f"/v1/users/{user_id}/preferences")
        try:
            return _preferences(document)
        except (TypeError, ValueError, KeyError) as error:
            raise peer.unexpected_response(self._instance, error) from error


def _preferences(document: Any) -> NewPreferences:
    """Return what was told; a time zone may be one that only the other machine has.

    Raises:
        TypeError, ValueError, KeyError: these are no preferences.
    """
    locale, time_zone, theme = document["locale"], document["time_zone"], document["theme"]
    for text, longest in ((locale, LOCALE_LENGTH), (time_zone, ZONE_LENGTH)):
        if not isinstance(text, str) or not 0 < len(text) <= longest:
            raise ValueError("this is no preference")
    if theme not in THEMES:
        raise ValueError("this is no theme")
    return NewPreferences(locale=locale, time_zone=time_zone, theme=theme)
