"""Plain requests: heads that have only one meaning, parsed without gunicorn.

A head is plain if all of it matches a narrow part of RFC 9112: a known method, a path, HTTP/1.1, a host, and no field
twice or with an effect on the connection, except ``Content-Length`` and a simple ``Connection``. For any other head
``parse`` returns ``None``, and gunicorn's parser decides about it.
"""

import re
from typing import Final

_HEAD: Final = re.compile(
    rb"(GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS) ((/(?!/)[!\"$->@-~]*+)(?:\?([!\"$-~]*+))?) HTTP/1\.1\r\n"
    rb"((?:[!#$%&'*+.^`|~0-9A-Za-z-]++:[\t -~\x80-\xff]*+\r\n)++)\r\n"
)
_SPECIAL: Final = frozenset({"TRANSFER_ENCODING", "EXPECT", "UPGRADE"})
_UNPREFIXED: Final = frozenset({"CONTENT_TYPE", "CONTENT_LENGTH"})
_LENGTH: Final = re.compile(r"[0-9]{1,18}", re.ASCII)
_KEPT: Final = {"keep-alive": False, "close": True}
"""Supported values of ``Connection``: true if the client closes the connection after the response."""
MAX_KEYS: Final = 1024
_KEYS: Final[dict[str, str]] = {"Host": "HTTP_HOST"}
"""The keys of field names in the environment (RFC 3875, section 4.1.18); empty for a field that is not plain."""


class PlainRequest:
    """A parsed head, with the attributes that gunicorn's responses read from a request."""

    __slots__ = ("closes", "fields", "head_length", "length", "method", "must_close", "path", "query", "uri")

    version = (1, 1)
    scheme = "http"
    proxy_protocol_info = None
    _expected_100_continue = False

    def __init__(self, method: str, uri: str, path: str, query: str, fields: dict[str, str], head_length: int) -> None:
        self.method, self.uri, self.path, self.query = method, uri, path, query
        self.fields: Final = fields
        """The header fields by their keys in the environment."""
        self.head_length = head_length
        self.length = int(fields.get("CONTENT_LENGTH", 0))
        self.closes = _KEPT[fields["HTTP_CONNECTION"].lower()] if "HTTP_CONNECTION" in fields else False
        self.must_close = False

    @property
    def headers(self) -> list[tuple[str, str]]:
        """The names in upper case and the values of the header fields."""
        return [(key.removeprefix("HTTP_").replace("_", "-"), value) for key, value in self.fields.items()]

    @property
    def body(self) -> "PlainRequest":
        """The body, as far as responses need it."""
        return self

    def is_over(self) -> bool:
        """Return True: all of the body has arrived before the request is processed."""
        return True

    def force_close(self) -> None:
        """Close the connection after the response."""
        self.must_close = True

    def should_close(self) -> bool:
        """Return True if the connection closes after the response."""
        return self.must_close or self.closes


def parse(data: bytes, *, max_octets: int, max_fields: int) -> PlainRequest | None:
    """Return the request at the start of the data, or ``None`` if its head is incomplete or not plain.

    Args:
        data: the received bytes.
        max_octets: the maximum length of a head. Longer ones are not plain.
        max_fields: the maximum number of fields.
    """
    found = _HEAD.match(data)
    if found is None or found.end() > max_octets:
        return None
    lines = found[5].decode("latin-1").split("\r\n")
    lines.pop()
    fields: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(":")
        key = _KEYS.get(name) or _key(name)
        if key in fields:
            return None
        fields[key] = value.strip(" \t")
    if len(lines) > max_fields or not _is_plain(fields):
        return None
    query = found[4]
    return PlainRequest(
        found[1].decode(), found[2].decode(), found[3].decode(), query.decode() if query else "", fields, found.end()
    )


def _is_plain(fields: dict[str, str]) -> bool:
    return (
        "HTTP_HOST" in fields
        and "" not in fields
        and ("HTTP_CONNECTION" not in fields or fields["HTTP_CONNECTION"].lower() in _KEPT)
        and ("CONTENT_LENGTH" not in fields or _LENGTH.fullmatch(fields["CONTENT_LENGTH"]) is not None)
    )


def _key(name: str) -> str:
    key = name.upper().replace("-", "_")
    if key in _SPECIAL:
        return ""
    if key not in _UNPREFIXED:
        key = f"HTTP_{key}"
    if len(_KEYS) < MAX_KEYS:
        _KEYS[name] = key
    return key
