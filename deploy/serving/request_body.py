"""Request bodies that are requested when they are first read, and that know if they are complete."""

from typing import Any, Final

from gunicorn.http import body
from gunicorn.http.errors import InvalidChunkSize, NoMoreData, ParseException

CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
CHUNK: Final = 8192
DISCARDED: Final = 65536
"""Bytes of an unused body that are read to keep a connection."""


LARGEST: Final = 2**63 - 1
"""Octets of a chunk size; nginx rejects longer ones as well (RFC 9112, section 7.1: integer overflows)."""


class ChunkedReader(body.ChunkedReader):  # type: ignore[misc]  # gunicorn is untyped
    """Rejects an impossible chunk, instead of waiting for it."""

    def parse_chunk_size(self, unreader: Any, data: bytes | None = None) -> Any:
        """Return the size of the next chunk, and the bytes read beyond it.

        Raises:
            ParseException: the size is invalid, or too large.
        """
        size, rest = super().parse_chunk_size(unreader, data)
        if size > LARGEST:
            raise InvalidChunkSize(b"%x" % size)
        return size, rest


class Body(body.Body):  # type: ignore[misc]  # gunicorn is untyped
    """The body of a request (RFC 9110, section 10.1.1: reading it sends 100, which a rejection never does)."""

    def __init__(self, reader: Any, connection: Any, *, is_awaited: bool) -> None:
        super().__init__(reader)
        self._connection = connection
        self._is_awaited = is_awaited

    @property
    def is_at_end(self) -> bool:
        """Return True if all of it has been read, as far as that is known without reading."""
        return not self.failed and self._left() == 0

    @property
    def is_awaited(self) -> bool:
        """Return True if the client waits for 100 before it sends the body."""
        return self._is_awaited

    def is_over(self) -> bool:
        """Return True if the next request begins here, after discarding received bytes of the body, without waiting."""
        if self.is_at_end:
            return True
        if self.failed or self._is_awaited:
            return False
        self._connection.settimeout(0)
        try:
            return any(not self.read(CHUNK) for _ in range(DISCARDED // CHUNK))
        except (OSError, ParseException):
            return False
        finally:
            self._connection.settimeout(None)

    def _read_reader(self, size: int) -> Any:
        """Read, after sending 100 Continue if the client waits for it.

        Raises:
            NoMoreData: it ended before it was complete; gunicorn would treat it as complete.
        """
        wanted = min(size, self._left())
        if self._is_awaited and wanted:
            self._is_awaited = False
            self._connection.sendall(CONTINUE)
        data = super()._read_reader(size)
        if isinstance(self.reader, body.LengthReader) and len(data) < wanted:
            self.failed = True
            raise NoMoreData
        return data

    def _left(self) -> int:
        """Return the number of bytes that remain; 1 if the number is unknown."""
        return int(getattr(self.reader, "length", 1))
