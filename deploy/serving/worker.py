"""gunicorn's threads, stricter about where a request ends (RFC 9112, sections 3.2, 6.1 and 11.2)."""

from typing import Any

from gunicorn.http.errors import InvalidHeader

from deploy.serving.waiting import WaitingWorker


class Worker(WaitingWorker):
    """Refuses what leaves a doubt, and is silent after an answer that was given."""

    def handle_request(self, req: Any, conn: Any) -> Any:
        """Answer a request whose length and host are beyond doubt.

        Raises:
            InvalidHeader: they are not; gunicorn answers 400 and closes.
        """
        sent = [(name, value.strip(" \t").lower()) for name, value in req.headers]
        if [value for name, value in sent if name == "TRANSFER-ENCODING"] not in ([], ["chunked"]):
            raise InvalidHeader("TRANSFER-ENCODING", req=req)
        if sum(name == "HOST" for name, _ in sent) != 1 and req.version >= (1, 1):
            raise InvalidHeader("HOST", req=req)
        return super().handle_request(req, conn)

    def _keepalive_after(self, conn: Any, keepalive: Any) -> bool:
        """Close when the rest of a body is broken: a second answer would be taken for that of the next request."""
        try:
            return bool(super()._keepalive_after(conn, keepalive))
        except Exception:
            self.log.debug("Closing connection: what was left of the body is broken", exc_info=True)
            return False
