"""What can go wrong with explaining failed requests."""

from app.errs import curl_examples
from app.errs.error import Error
from app.errs.kinds import Kind

_INSTANCE = "/v1/requests/581d28e419d005a96bbbb54325ef6ca8"


class RequestNotFound(Error):
    """No failed request with this id is on record.

    It succeeded, never arrived, is too long ago, was one of many 4xx of which a sample is kept, or failed less than a
    second ago.
    """

    kind = Kind.NOT_EXIST
    code = "REQUEST_NOT_FOUND"
    client = "Check the id: it is the request_id of a problem document, and X-Request-Id of any answer."
    operator = "Read it from the log: `flask explain REQUEST_ID --log FILE`. For longer memory raise FAILURES_KEPT."
    since = "0.1.0"
    instance = _INSTANCE
    curl = f"curl -i '{{url}}{_INSTANCE}' {curl_examples.issued('--subject ops --admin')}"
