"""Errors of the request itself, before the service reads any data."""

from app.errs import curl_examples
from app.errs.error import Error, Violation
from app.errs.kinds import Kind

_TASK = "/v1/tasks/8c1b2c1e-6f4e-4d4c-9d6e-0d9b6a1f2a33"


class MalformedRequest(Error):
    """The request is malformed.

    The bytes are not a valid HTTP request, the body ended early, or a gRPC message could not be decoded. The server or
    the proxy can reject such a request before routing.
    """

    kind = Kind.INVALID_REQUEST
    code = "MALFORMED_REQUEST"
    client = (
        "Use an HTTP client library. Otherwise check header fields, request line and chunk sizes. Generate stubs again."
    )
    operator = "Scanners often send such requests. If a known client does, look for a broken proxy on the path."
    since = "0.1.0"
    curl = "curl -i '{url}/v1/tasks' -H 'Host: two words'"


class UnsupportedTransferCoding(Error):
    """The service does not support the transfer coding of the body.

    Content codings such as gzip are not transfer codings: see UNSUPPORTED_MEDIA_TYPE.
    """

    kind = Kind.INVALID_REQUEST
    code = "UNSUPPORTED_TRANSFER_CODING"
    instance = ""  # rejected before the path is read
    client = "Send the body with a Content-Length, or with chunked as its only transfer coding."
    operator = "No action is needed."
    since = "0.1.0"
    curl = "curl -i '{url}/v1/tasks' -H 'Transfer-Encoding: gzip, chunked' -d '{}'"


class UriTooLong(Error):
    """The request line is longer than the service accepts."""

    kind = Kind.TOO_LARGE
    code = "URI_TOO_LONG"
    instance = ""  # rejected before the path is read
    client = "Shorten the query: use a shorter filter or fewer fields."
    operator = "No action is needed."
    since = "0.1.0"
    curl = "curl -i \"{url}/v1/tasks?filter=$(head -c 9000 /dev/zero | tr '\\0' a)\""


class HeaderFieldsTooLarge(Error):
    """The request has too many or too large header fields."""

    kind = Kind.TOO_LARGE
    code = "HEADER_FIELDS_TOO_LARGE"
    instance = ""  # rejected before the path is read
    client = "Send fewer or smaller header fields."
    operator = "No action is needed. The usual cause is a client that collects cookies."
    since = "0.1.0"
    curl = "curl -i '{url}/v1/tasks' -H \"X-Padding: $(head -c 9000 /dev/zero | tr '\\0' a)\""


class UnsupportedMediaType(Error):
    """The operation does not support the format of the body.

    Content-Type is missing or has another format, its charset is not UTF-8, or the body is compressed.
    """

    kind = Kind.UNSUPPORTED_MEDIA_TYPE
    code = "UNSUPPORTED_MEDIA_TYPE"
    message = "Send the body uncompressed in one of these formats: {supported}."
    client = "Set Content-Type to one of the supported types and send no Content-Encoding."
    operator = "No action is needed."
    since = "0.1.0"
    supported: list[str]
    example = {"supported": ["application/json"]}
    curl = curl_examples.LIST + " -H 'Content-Type: text/plain' -d 'hello'"


class NotAcceptable(Error):
    """Accept does not allow a format of this operation."""

    kind = Kind.NOT_ACCEPTABLE
    code = "NOT_ACCEPTABLE"
    message = "The available formats are: {available}."
    client = "Send one of the available types in Accept, or omit the header."
    operator = "No action is needed."
    since = "0.1.0"
    available: list[str]
    example = {"available": ["application/json"]}
    curl = curl_examples.LIST + " -H 'Accept: application/xml'"


class BodyTooLarge(Error):
    """The request body is larger than the service accepts."""

    kind = Kind.TOO_LARGE
    code = "BODY_TOO_LARGE"
    message = "A body can have at most {limit} bytes. Nothing was written."
    client = "Split the request into smaller ones."
    operator = "No action is needed."
    since = "0.1.0"
    limit: int
    example = {"limit": 1048576}
    curl = f"head -c 1048577 /dev/zero | {curl_examples.SEND} -H 'Expect:' --data-binary @-"


class EmptyBody(Error):
    """The operation requires a body, but the request has no body."""

    kind = Kind.INVALID_REQUEST
    code = "EMPTY_BODY"
    client = "Send a JSON object."
    operator = "No action is needed."
    since = "0.1.0"
    curl = curl_examples.SEND + " -d ''"


class MalformedJson(Error):
    """The body is not strict JSON.

    A body contains one JSON value in UTF-8 (RFC 8259 and I-JSON, RFC 7493): no NaN or Infinity, no duplicate property
    names, no lone surrogates, no excessive nesting or numbers.
    """

    kind = Kind.INVALID_REQUEST
    code = "MALFORMED_JSON"
    message = "{reason} at character {position}."
    client = "Fix the JSON at the position in position, counted in bytes from 1. A JSON library avoids such errors."
    operator = "No action is needed."
    since = "0.1.0"
    reason: str
    position: int
    example = {"reason": "A value is expected", "position": 20}
    curl = curl_examples.SEND + """ -d '{"task": {"title": }'"""


class ValidationFailed(Error):
    """The request violates one or more rules.

    The response lists all violations in path, query, headers and body, at most 100.
    """

    kind = Kind.VALIDATION
    code = "VALIDATION_FAILED"
    client = "Fix every entry in errors. Each has the field, its location, a stable code and a message."
    operator = "No action is needed."
    since = "0.1.0"
    curl = curl_examples.SEND + """ -d '{"task": {"tags": ["Bad Tag"]}}'"""
    example = {
        "violations": (
            Violation("title", "REQUIRED_FIELD", "title is required", pointer="#/task/title"),
            Violation(
                "tags[0]",
                "INVALID_TAG_FORMAT",
                "tags[0] must match ^[a-z0-9-]+$ and have at most 50 characters",
                pointer="#/task/tags/0",
            ),
        )
    }


class PreconditionFailed(Error):
    """The current ETag fails If-Match or If-None-Match."""

    kind = Kind.PRECONDITION_FAILED
    code = "PRECONDITION_FAILED"
    message = "The current ETag of the resource fails If-Match or If-None-Match. Nothing was written."
    client = "Read the resource again, apply your change to the new version, and send its new ETag."
    operator = "No action is needed."
    since = "0.1.0"
    instance = _TASK
    curl = (
        curl_examples.created("TASK")
        + f'curl -i -X PATCH "{{url}}/v1/$TASK" {curl_examples.BEARER} {curl_examples.JSON} '
        + """-H 'If-Match: "another"' -d '{}'"""
    )


class PreconditionRequired(Error):
    """This operation replaces a whole resource and requires If-Match."""

    kind = Kind.PRECONDITION_REQUIRED
    code = "PRECONDITION_REQUIRED"
    message = "Read the resource first and send its ETag in If-Match."
    client = "Read the resource first and send its ETag in If-Match, or send * to replace any version."
    operator = "No action is needed."
    since = "0.1.0"
    instance = "/v1/movies/8c1b2c1e-6f4e-4d4c-9d6e-0d9b6a1f2a33"
    curl = curl_examples.replaced_unread("movies")


class InvalidIdempotencyKey(Error):
    """The Idempotency-Key is malformed.

    The key is empty, is longer than 255 characters, has characters other than printable ASCII, or was sent twice.
    """

    kind = Kind.INVALID_REQUEST
    code = "INVALID_IDEMPOTENCY_KEY"
    message = "An Idempotency-Key is 1 to 255 printable ASCII characters, sent once."
    client = "Generate a UUID for each creation, and send the header once."
    operator = "No action is needed."
    since = "0.1.0"
    param = "Idempotency-Key"
    curl = curl_examples.SEND + """ -H 'Idempotency-Key;' -d '{"task": {"title": "Buy milk"}}'"""


class IdempotencyKeyReused(Error):
    """The Idempotency-Key was already used for another request."""

    kind = Kind.UNPROCESSABLE
    code = "IDEMPOTENCY_KEY_REUSED"
    message = "A key is valid for one method, path, query and body. This request differs from the first one."
    client = "Generate a new key for each new request. Reuse a key only to retry exactly the same request."
    operator = "No action is needed."
    since = "0.1.0"
    param = "Idempotency-Key"
    curl = (
        "KEY=$(date +%s)\n"
        "for title in Lunch Dinner; do\n"
        f"  {curl_examples.SEND} "
        """-H "Idempotency-Key: $KEY" -d '{"task": {"title": "'"$title $KEY"'"}}'\ndone"""
    )


class IdempotencyInProgress(Error):
    """A request with this Idempotency-Key is still running."""

    kind = Kind.CONFLICT
    code = "IDEMPOTENCY_IN_PROGRESS"
    message = "The first request with this key has not finished. Send the same request again to get its response."
    client = "Send the same request again after the seconds in Retry-After."
    operator = "No action is needed."
    since = "0.1.0"
    param = "Idempotency-Key"
    example = {"retry_after": 1}
