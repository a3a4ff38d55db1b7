"""Conversion of the requests of lists."""

from typing import Any, Final

_QUERY: Final = ("page_token", "filter", "order_by")


def list_query(request: Any) -> dict[str, str]:
    """Return the query parameters of a list, from a message with the fields of AIP-132."""
    values = {name: getattr(request, name) for name in _QUERY}
    return {"page_size": str(request.page_size), **{name: value for name, value in values.items() if value}}
