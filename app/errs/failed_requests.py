"""Errors of the operation that explains failed requests."""

from app.errs import curl_examples
from app.errs.error import Error
from app.errs.kinds import Kind

_INSTANCE = "/v1/requests/581d28e419d005a96bbbb54325ef6ca8"


class RequestNotFound(Error):
    """No failed request with this ID is stored.

    The request succeeded, never arrived, is too old, failed less than a second ago, or is a 4xx that is not in the
    stored sample.
    """

    kind = Kind.NOT_EXIST
    code = "REQUEST_NOT_FOUND"
    client = "Check the ID: it is request_id in a problem document and X-Request-Id in any response."
    operator = "Read the log with `flask explain REQUEST_ID --log FILE`. To store more requests, raise FAILURES_KEPT."
    since = "0.1.0"
    instance = _INSTANCE
    curl = f"curl -i '{{url}}{_INSTANCE}' {curl_examples.issued('--subject ops --admin')}"
