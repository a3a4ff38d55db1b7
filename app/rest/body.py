"""The reader of request bodies. It checks the type and the size, reads the bytes, and parses strict JSON or a form."""

import hashlib
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from io import BytesIO
from socket import SHUT_RD
from typing import IO, Final

from werkzeug.exceptions import RequestEntityTooLarge

from app.errs.requests import BodyTooLarge, MalformedRequest, UnsupportedMediaType
from app.observability import request_timing
from app.resilience import deadline
from app.resilience.socket_watchdog import Watchdog
from app.rest.request import Request, application
from app.wire import strict_json
from app.wire.invalid_text import ESCAPED_NUL

CHUNK: Final = 65536
LARGE: Final = 65536
"""Bytes from which bodies are decoded one at a time: decoding can take 25 times the size of the body in memory."""
_AT_LARGE_ONES: Final = threading.Lock()
_WATCHDOG: Final = Watchdog()
CHARSETS: Final = frozenset({"", "utf-8", "utf8"})


def read(request: Request, consumes: tuple[str, ...]) -> object:
    """Return the JSON value of the body.

    Raises:
        UnsupportedMediaType: the type is missing or not supported, or the body is encoded.
        BodyTooLarge: its declared or actual size is larger than allowed.
        MalformedRequest: it ended before it was complete.
        DeadlineExceeded: it did not arrive in time.
        EmptyBody, MalformedJson: it is empty, or is not strict JSON.
    """
    body = _checked(request, consumes)
    if len(body) < LARGE:
        value = strict_json.loads(body)
    else:
        with _one_at_a_time():
            value = strict_json.loads(body)
    if ESCAPED_NUL not in body:
        request.fit_body = value
    return value


def read_form(request: Request, consumes: tuple[str, ...]) -> None:
    """Parse the form in the body into ``request.form`` and ``request.files``.

    Raises:
        UnsupportedMediaType, BodyTooLarge, MalformedRequest, DeadlineExceeded: as for JSON. Flask's settings
            MAX_FORM_MEMORY_SIZE and MAX_FORM_PARTS also limit a form.
    """
    body = _checked(request, consumes)
    parser = request.make_form_data_parser()
    parser.silent = False  # Werkzeug's default turns a malformed form into an empty one
    try:
        stream, form, files = parser.parse(BytesIO(body), request.mimetype, len(body), request.mimetype_params)
    except RequestEntityTooLarge:
        size, parts = request.max_form_memory_size or len(body), request.max_form_parts
        content_type = f"A form can have at most {size} bytes in a text, and {parts} parts. Nothing was written."
        raise BodyTooLarge(limit=size, message=content_type) from None
    except ValueError as exc:
        raise MalformedRequest(detail="the form could not be parsed") from exc
    request.__dict__.update(stream=stream, form=form, files=files)


def parsed(request: Request) -> object:
    """Return the parsed body for JSON. A form has no boundaries, and digests in place of files."""
    if request.body is not None or "form" not in request.__dict__:
        return request.body
    files = []
    for name, file in request.files.items(multi=True):
        files.append((name, file.filename, hashlib.sha256(file.stream.read()).hexdigest()))
        file.stream.seek(0)
    return sorted(request.form.items(multi=True)), sorted(files)


def is_present(request: Request) -> bool:
    """Return true if a body was sent, with a length or chunked."""
    return bool(request.content_length) or request.sent("Transfer-Encoding") is not None


def _checked(request: Request, consumes: tuple[str, ...]) -> bytes:
    """Return the bytes of a body with one of these types. Flask's ``request.get_data`` returns them too."""
    if request.sent("Content-Encoding") or (is_present(request) and not _fits(request, consumes)):
        raise UnsupportedMediaType(supported=list(consumes))
    largest: int = request.max_content_length or application().config["MAX_BODY_BYTES"]
    body = request._cached_data = _bytes(request, largest)  # noqa: SLF001 -- where get_data looks
    return body


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Wait until no other large body is being decoded. This limits memory and takes no longer in total.

    Raises:
        DeadlineExceeded: the wait took too long.
    """
    limit = deadline.current.get()
    if limit is None:
        _AT_LARGE_ONES.acquire()
    elif not _AT_LARGE_ONES.acquire(timeout=limit.remaining()):
        raise limit.exceeded("request_body")
    try:
        yield
    finally:
        _AT_LARGE_ONES.release()


def _fits(request: Request, consumes: tuple[str, ...]) -> bool:
    if request.sent("Content-Type") in consumes:
        return True
    options: Mapping[str, str] = request.mimetype_params
    return request.mimetype in consumes and options.get("charset", "").strip("'").lower() in CHARSETS


def _bytes(request: Request, limit: int) -> bytes:
    """Read the body from the server directly, because Werkzeug truncates a chunked body at its limit silently."""
    declared = request.content_length
    if declared is not None and declared > limit:
        raise BodyTooLarge(limit=limit)
    if declared is None and not request.environ.get("wsgi.input_terminated"):
        return b""
    body = _received(request, declared or limit + 1)
    if declared is not None and len(body) < declared:
        raise MalformedRequest(detail="the body ended early")
    if len(body) > limit:
        raise BodyTooLarge(limit=limit)
    return body


@partial(request_timing.timed, "request_body")
def _received(request: Request, wanted: int) -> bytes:
    """Return at most ``wanted`` bytes. At the deadline, reading from the socket is shut down, unless all have arrived.

    Raises:
        DeadlineExceeded: the bytes did not arrive in time.
        MalformedRequest: the bytes could not be read.
    """
    stream, socket = request.environ["wsgi.input"], request.environ.get("gunicorn.socket")
    limit = deadline.current.get()
    if limit is None or socket is None:
        return _drained(stream, wanted)
    is_complete = type(stream) is BytesIO
    ticket = None if is_complete else _WATCHDOG.watch(socket.fileno(), at=limit.at, how=SHUT_RD)
    try:
        body = _drained(stream, wanted)
    except MalformedRequest:
        limit.check("request_body")
        raise
    finally:
        if ticket is not None:
            _WATCHDOG.release(ticket)
    limit.check("request_body")
    return body


def _drained(stream: IO[bytes], wanted: int) -> bytes:
    """Return at most ``wanted`` bytes."""
    chunks, size = list[bytes](), 0
    while size < wanted:
        try:
            chunk = stream.read(min(CHUNK, wanted - size))
        except Exception as exc:
            raise MalformedRequest(detail="the body could not be read") from exc
        if not chunk:
            break
        chunks.append(chunk)
        size += len(chunk)
    return b"".join(chunks)
