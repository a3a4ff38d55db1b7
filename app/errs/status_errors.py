"""Errors for HTTP statuses that have no kind: ``abort(410)`` in a view returns ``GONE``.

This module has the definitions. ``app.rest.error_statuses`` maps them to their statuses.
"""

from app.errs.error import Error
from app.errs.kinds import Kind

_NOTHING = "No action is needed. The log has the operation."
_ANSWERED = "Look for the view or extension that returns this status. The log has the operation."


class PaymentRequired(Error):
    """The request requires a payment."""

    kind = Kind.INVALID_REQUEST
    code = "PAYMENT_REQUIRED"
    client = "Make the payment in detail, then send the request again."
    operator = _NOTHING
    since = "0.1.0"


class ProxyAuthenticationRequired(Error):
    """The proxy requires credentials."""

    kind = Kind.INVALID_REQUEST
    code = "PROXY_AUTHENTICATION_REQUIRED"
    client = "Send valid credentials to the proxy."
    operator = _NOTHING
    since = "0.1.0"


class RequestTimeout(Error):
    """The request did not arrive in time."""

    kind = Kind.INVALID_REQUEST
    code = "REQUEST_TIMEOUT"
    client = "Send the complete request again without pauses."
    operator = _NOTHING
    since = "0.1.0"


class Gone(Error):
    """The resource was permanently removed."""

    kind = Kind.INVALID_REQUEST
    code = "GONE"
    client = "Remove your references to the resource."
    operator = _NOTHING
    since = "0.1.0"


class LengthRequired(Error):
    """The request requires a Content-Length."""

    kind = Kind.INVALID_REQUEST
    code = "LENGTH_REQUIRED"
    client = "Send the body with a Content-Length."
    operator = _NOTHING
    since = "0.1.0"


class RequestedRangeNotSatisfiable(Error):
    """The resource does not have this range."""

    kind = Kind.INVALID_REQUEST
    code = "REQUESTED_RANGE_NOT_SATISFIABLE"
    client = "Compare Range with the size in Content-Range, or omit Range."
    operator = _NOTHING
    since = "0.1.0"


class ExpectationFailed(Error):
    """The service does not support this expectation."""

    kind = Kind.INVALID_REQUEST
    code = "EXPECTATION_FAILED"
    client = "Send the request without Expect."
    operator = _NOTHING
    since = "0.1.0"


class ImATeapot(Error):
    """The server is a teapot."""

    kind = Kind.INVALID_REQUEST
    code = "IM_A_TEAPOT"
    client = "Use a coffee pot to brew coffee."
    operator = _NOTHING
    since = "0.1.0"


class MisdirectedRequest(Error):
    """The request reached the wrong server."""

    kind = Kind.INVALID_REQUEST
    code = "MISDIRECTED_REQUEST"
    client = "Open a new connection to the host and send the request again."
    operator = _NOTHING
    since = "0.1.0"


class Locked(Error):
    """The resource is locked."""

    kind = Kind.INVALID_REQUEST
    code = "LOCKED"
    client = "Wait until the lock is released, then send the request again."
    operator = _NOTHING
    since = "0.1.0"


class FailedDependency(Error):
    """The request depends on another one that failed."""

    kind = Kind.INVALID_REQUEST
    code = "FAILED_DEPENDENCY"
    client = "Fix the request that failed first."
    operator = _NOTHING
    since = "0.1.0"


class TooEarly(Error):
    """The request may be a replay."""

    kind = Kind.INVALID_REQUEST
    code = "TOO_EARLY"
    client = "Send the request again after the connection is established."
    operator = _NOTHING
    since = "0.1.0"


class UpgradeRequired(Error):
    """The request requires another protocol."""

    kind = Kind.INVALID_REQUEST
    code = "UPGRADE_REQUIRED"
    client = "Switch to a protocol in Upgrade."
    operator = _NOTHING
    since = "0.1.0"


class UnavailableForLegalReasons(Error):
    """The resource is unavailable for legal reasons."""

    kind = Kind.INVALID_REQUEST
    code = "UNAVAILABLE_FOR_LEGAL_REASONS"
    client = "Do not retry. detail has the reason."
    operator = _NOTHING
    since = "0.1.0"


class FunctionNotImplemented(Error):
    """The service does not implement this."""

    kind = Kind.UNAVAILABLE
    code = "NOT_IMPLEMENTED"
    client = "Do not retry. Use an operation of the API reference."
    operator = _ANSWERED
    since = "0.1.0"
    is_lasting = True


class HttpVersionNotSupported(Error):
    """The service does not support this version of HTTP."""

    kind = Kind.UNAVAILABLE
    code = "HTTP_VERSION_NOT_SUPPORTED"
    client = "Use HTTP/1.1."
    operator = _ANSWERED
    since = "0.1.0"
    is_lasting = True


class VariantAlsoNegotiates(Error):
    """Content negotiation is misconfigured."""

    kind = Kind.UNAVAILABLE
    code = "VARIANT_ALSO_NEGOTIATES"
    client = "Do not retry. Report the request_id."
    operator = _ANSWERED
    since = "0.1.0"
    is_lasting = True


class LoopDetected(Error):
    """The request caused an infinite loop."""

    kind = Kind.UNAVAILABLE
    code = "LOOP_DETECTED"
    client = "Do not retry. Report the request_id."
    operator = _ANSWERED
    since = "0.1.0"
    is_lasting = True


class NotExtended(Error):
    """The request requires an extension."""

    kind = Kind.UNAVAILABLE
    code = "NOT_EXTENDED"
    client = "Declare the extensions in detail."
    operator = _ANSWERED
    since = "0.1.0"
    is_lasting = True


class NetworkAuthenticationRequired(Error):
    """The network requires authentication."""

    kind = Kind.UNAVAILABLE
    code = "NETWORK_AUTHENTICATION_REQUIRED"
    client = "Sign in to the network, then send the request again."
    operator = _ANSWERED
    since = "0.1.0"
    is_lasting = True
