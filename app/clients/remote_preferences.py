"""Preferences of another instance of this service."""

from typing import Any
from uuid import UUID

from app.clients import other_instance
from app.clients.http import HttpClient
from app.models.preferences import LOCALE_LENGTH, THEMES, ZONE_LENGTH, NewPreferences


class RemotePreferences:
    """Reads preferences."""

    def __init__(self, instance: HttpClient) -> None:
        self._instance = instance

    def get(self, user_id: UUID) -> NewPreferences:
        """Return the preferences of a user.

        Raises:
            Error: the call failed, or the response was not usable.
        """
        document = other_instance.get(self._instance, f"/v1/users/{user_id}/preferences")
        try:
            return _preferences(document)
        except (TypeError, ValueError, KeyError) as error:
            raise other_instance.unexpected_response(self._instance, error) from error


def _preferences(document: Any) -> NewPreferences:
    """Return the preferences in a response. The time zone may be one that only the other instance knows.

    Raises:
        TypeError, ValueError, KeyError: the response does not contain valid preferences.
    """
    locale, time_zone, theme = document["locale"], document["time_zone"], document["theme"]
    for text, longest in ((locale, LOCALE_LENGTH), (time_zone, ZONE_LENGTH)):
        if not isinstance(text, str) or not 0 < len(text) <= longest:
            raise ValueError("a preference is empty, too long or not a string")
    if theme not in THEMES:
        raise ValueError("the theme is unknown")
    return NewPreferences(locale=locale, time_zone=time_zone, theme=theme)
