"""The request header fields that the service reads, with descriptions for the documentation."""

from collections.abc import Mapping
from typing import Final

READ: Final[Mapping[str, str]] = {
    "Accept": "Media types that the client accepts. 406 if the operation produces none of them.",
    "Access-Control-Request-Method": "Marks a preflight request of a browser (CORS).",
    "Authorization": "`Bearer` and an access token. Another scheme counts as no credentials.",
    "Content-Encoding": "Not supported: any value returns 415.",
    "Content-Length": "Size of the body in bytes. A declared size over the limit returns 413 before the body is read.",
    "Content-Type": "Media type of the body. 415 if the operation does not read it.",
    "Idempotency-Key": "Key of a creation, 1 to 255 printable ASCII characters. "
    "A repetition within 24 hours returns the stored response.",
    "If-Match": "Entity tag that the resource must have. 412 if it has another one; 428 if a `PUT` omits the field.",
    "If-None-Match": "Entity tag that the client has. A read returns 304 if it is current; a write returns 412.",
    "Origin": "Origin of the calling page. Origins in `CORS_ORIGINS` get `Access-Control-*` fields.",
    "Read-After": "Position of the data that the client has seen, from the same field of a response. "
    "A replica serves the read if it has this data. Read only with `REPLICA_URL`.",
    "Request-Id": "Request ID, if `X-Request-Id` is absent or invalid.",
    "Request-Timeout": "Time budget of the request in seconds, from 0.05 to `REQUEST_TIMEOUT`. "
    "Larger values are lowered.",
    "Simulate-Error": "Code of an error to return, for tests of clients. Read only if `FAULTS_ON_DEMAND` allows it.",
    "Traceparent": "W3C trace context. The request continues the trace.",
    "Tracestate": "W3C trace context of other vendors. It is passed on.",
    "Transfer-Encoding": "`chunked`, or absent. Another coding returns 501.",
    "X-Debug-Token": "`DEBUG_TOKEN`, for the debug listener on loopback only.",
    "X-Forwarded-For": "Address of the client. Read only from peers in `TRUSTED_PROXIES` and on a Unix socket.",
    "X-Request-Id": "Request ID, 8 to 128 letters, digits, dots, underscores and hyphens. "
    "An invalid one is replaced by a generated one.",
    "X-Trace-Id": "Request ID, if neither `X-Request-Id` nor `Request-Id` is valid.",
}
