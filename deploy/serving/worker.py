"""gunicorn's threaded worker, with the service's responses and log for rejections, which ends with its master."""

from types import FrameType
from typing import Any, Final

from gunicorn import util
from gunicorn.http import errors

from app import errs
from app.errs import platform, requests
from app.rest import early_errors
from deploy.serving.request_queue import QueueingWorker, address_of

NAMED: Final[tuple[tuple[type[Exception], type[errs.Error]], ...]] = (
    (errors.InvalidResponseHeader, platform.InternalError),
    (errors.InvalidResponseHeaderName, platform.InternalError),
    (errors.ConfigurationProblem, platform.InternalError),
    (errors.LimitRequestLine, requests.UriTooLong),
    (errors.LimitRequestHeaders, requests.HeaderFieldsTooLarge),
    (errors.UnsupportedTransferCoding, requests.UnsupportedTransferCoding),
    (errors.ParseException, requests.MalformedRequest),
)


class Worker(QueueingWorker):
    """Rejects with problem documents, and does not outlive its master."""

    alive: bool
    nr_conns: int
    is_quitting = False
    """True if it ends without waiting for requests."""

    def handle_quit(self, sig: int, frame: FrameType | None) -> None:
        """End soon, after one signal or two: Ctrl-C signals all processes, and the master signals its workers again.

        Nothing is raised and no lock is taken: this interrupts the main loop wherever it is, and an exception there can
        leave a lock of its threads taken for ever, as Python ends a ``with`` block only once it has begun.
        """
        if not self.is_quitting:
            self.is_quitting, self.alive = True, False
            self.cfg.worker_int(self)
            self.method_queue.defer(lambda: None)  # wakes the main loop

    def wait_for_and_dispatch_events(self, timeout: float) -> None:
        """Don't wait for any connection once the worker is quitting."""
        if self.is_quitting:
            self.nr_conns = 0
        else:
            super().wait_for_and_dispatch_events(timeout)

    def is_parent_alive(self) -> bool:
        """Return True if the master lives; without it serve the queued connections, and accept no more.

        An open listener would keep connections that get no response: closed, it makes nginx use the other instance.
        """
        is_alive = bool(super().is_parent_alive())
        if not is_alive and self.alive:
            self.alive = False
            self.set_accept_enabled(False)
            for listener in self.sockets:
                before = -1
                while self.nr_conns > before:
                    before = self.nr_conns
                    self.accept(listener)
                listener.close()
        return is_alive

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:
        """Answer requests that gunicorn rejects by itself, with a problem document and an entry in each log."""
        request = getattr(exc, "request", req)
        named = next((named for kind, named in NAMED if isinstance(exc, kind)), platform.InternalError)
        fields = request.headers if request else ()
        seen = early_errors.RawRequest(
            method=getattr(request, "method", None),
            path=getattr(request, "path", None),
            fields=dict(reversed(fields)),
            peer=address_of(addr),
        )
        answer = early_errors.reject(named(), exc, seen, self.wsgi.config)
        try:
            util.write_nonblock(client, answer)
        except OSError:
            self.log.debug("The client has closed before it was rejected")
