"""What a request itself can do wrong, before anything is looked up."""

from app.errs import curl_examples
from app.errs.error import Error, Violation
from app.errs.kinds import Kind

_TASK = "/v1/tasks/8c1b2c1e-6f4e-4d4c-9d6e-0d9b6a1f2a33"


class MalformedRequest(Error):
    """The request is not well-formed.

    It is no HTTP, so that the server or the proxy refused it before any route was looked up, or its body ended early;
    or what was sent over gRPC is no message of its type.
    """

    kind = Kind.INVALID_REQUEST
    code = "MALFORMED_REQUEST"
    client = (
        "Use an ordinary client library. By hand, check header fields, request line and chunk sizes; "
        "over gRPC, make the stubs anew."
    )
    operator = "Scanners send such requests all day. When a known client does, look for a broken proxy in between."
    since = "0.1.0"
    curl = "curl -i '{url}/v1/tasks' -H 'Host: two words'"


class UnsupportedTransferCoding(Error):
    """The body is in a transfer coding that the service does not understand.

    A coding of content, such as gzip, is none of them: see UNSUPPORTED_MEDIA_TYPE.
    """

    kind = Kind.INVALID_REQUEST
    code = "UNSUPPORTED_TRANSFER_CODING"
    instance = ""  # refused before the path is read
    client = "Send the body with a Content-Length, or with chunked as its only transfer coding."
    operator = "Nothing to do."
    since = "0.1.0"
    curl = "curl -i '{url}/v1/tasks' -H 'Transfer-Encoding: gzip, chunked' -d '{}'"


class UriTooLong(Error):
    """The request line is longer than the service accepts."""

    kind = Kind.TOO_LARGE
    code = "URI_TOO_LONG"
    instance = ""  # refused before the path is read
    client = "Shorten the query: a narrower filter, fewer fields."
    operator = "Nothing to do."
    since = "0.1.0"
    curl = "curl -i \"{url}/v1/tasks?filter=$(head -c 9000 /dev/zero | tr '\\0' a)\""


class HeaderFieldsTooLarge(Error):
    """The header fields are too large, or too many."""

    kind = Kind.TOO_LARGE
    code = "HEADER_FIELDS_TOO_LARGE"
    instance = ""  # refused before the path is read
    client = "Send fewer or smaller header fields."
    operator = "Nothing to do; the usual cause is a client that collects cookies."
    since = "0.1.0"
    curl = "curl -i '{url}/v1/tasks' -H \"X-Padding: $(head -c 9000 /dev/zero | tr '\\0' a)\""


class UnsupportedMediaType(Error):
    """The body is not in a format that this operation reads.

    Content-Type is missing or names another format, its charset is not UTF-8, or the body is compressed.
    """

    kind = Kind.UNSUPPORTED_MEDIA_TYPE
    code = "UNSUPPORTED_MEDIA_TYPE"
    message = "Send the body uncompressed as one of: {supported}."
    client = "Set Content-Type to one of the supported types and send no Content-Encoding."
    operator = "Nothing to do."
    since = "0.1.0"
    supported: list[str]
    example = {"supported": ["application/json"]}
    curl = curl_examples.LIST + " -H 'Content-Type: text/plain' -d 'hello'"


class NotAcceptable(Error):
    """Accept allows none of the formats that this operation answers in."""

    kind = Kind.NOT_ACCEPTABLE
    code = "NOT_ACCEPTABLE"
    message = "This answers only as one of: {available}."
    client = "Allow one of the available types in Accept, or leave the header out."
    operator = "Nothing to do."
    since = "0.1.0"
    available: list[str]
    example = {"available": ["application/json"]}
    curl = curl_examples.LIST + " -H 'Accept: application/xml'"


class BodyTooLarge(Error):
    """The request body is larger than the service accepts."""

    kind = Kind.TOO_LARGE
    code = "BODY_TOO_LARGE"
    message = "A body may have at most {limit} bytes. Nothing was written."
    client = "Send less at a time."
    operator = "Nothing to do."
    since = "0.1.0"
    limit: int
    example = {"limit": 1048576}
    curl = f"head -c 1048577 /dev/zero | {curl_examples.SEND} -H 'Expect:' --data-binary @-"


class EmptyBody(Error):
    """The operation needs a body, and there is none."""

    kind = Kind.INVALID_REQUEST
    code = "EMPTY_BODY"
    client = "Send a JSON object."
    operator = "Nothing to do."
    since = "0.1.0"
    curl = curl_examples.SEND + " -d ''"


class MalformedJson(Error):
    """The body is not strict JSON.

    A body holds one JSON value in UTF-8 (RFC 8259 and I-JSON, RFC 7493): no NaN or Infinity, no duplicate member names,
    no lone surrogates, no absurd nesting or numbers.
    """

    kind = Kind.INVALID_REQUEST
    code = "MALFORMED_JSON"
    message = "{reason} at character {position}."
    client = "Mend the JSON at the position named, counted in bytes from 1. Better, let a library write it."
    operator = "Nothing to do."
    since = "0.1.0"
    reason: str
    position: int
    example = {"reason": "A value is expected", "position": 20}
    curl = curl_examples.SEND + """ -d '{"task": {"title": }'"""


class ValidationFailed(Error):
    """The request breaks one or more rules.

    All violations of path, query, headers and body are listed at once, at most a hundred.
    """

    kind = Kind.VALIDATION
    code = "VALIDATION_FAILED"
    client = "Mend all that errors lists: each entry has the field, its place, a stable code and what is wrong."
    operator = "Nothing to do."
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
    """The resource is not what If-Match or If-None-Match expects."""

    kind = Kind.PRECONDITION_FAILED
    code = "PRECONDITION_FAILED"
    message = "The resource has changed since its ETag was read, or is what was ruled out. Nothing was written."
    client = "Read the resource again, apply the change to what you find, and send its new ETag."
    operator = "Nothing to do."
    since = "0.1.0"
    instance = _TASK
    curl = (
        curl_examples.created("TASK")
        + f'curl -i -X PATCH "{{url}}/v1/$TASK" {curl_examples.BEARER} {curl_examples.JSON} '
        + """-H 'If-Match: "another"' -d '{}'"""
    )


class PreconditionRequired(Error):
    """This operation replaces a whole resource and needs If-Match."""

    kind = Kind.PRECONDITION_REQUIRED
    code = "PRECONDITION_REQUIRED"
    message = "Read the resource first and send its ETag in If-Match."
    client = "Read the resource first and send its ETag in If-Match, or * to replace whatever there is."
    operator = "Nothing to do."
    since = "0.1.0"
    instance = "/v1/movies/8c1b2c1e-6f4e-4d4c-9d6e-0d9b6a1f2a33"
    curl = curl_examples.replaced_unread("movies")


class InvalidIdempotencyKey(Error):
    """The Idempotency-Key is not well formed.

    It is empty, longer than 255 characters, holds other than printable ASCII, or was sent twice.
    """

    kind = Kind.INVALID_REQUEST
    code = "INVALID_IDEMPOTENCY_KEY"
    message = "An Idempotency-Key is 1 to 255 printable ASCII characters, sent once."
    client = "Make a UUID for each creation, and send it once."
    operator = "Nothing to do."
    since = "0.1.0"
    param = "Idempotency-Key"
    curl = curl_examples.SEND + """ -H 'Idempotency-Key;' -d '{"task": {"title": "Buy milk"}}'"""


class IdempotencyKeyReused(Error):
    """The Idempotency-Key was used before with another request."""

    kind = Kind.UNPROCESSABLE
    code = "IDEMPOTENCY_KEY_REUSED"
    message = "A key belongs to one request: method, path, query and body. This one differs from the first."
    client = "Make a new key for each new request; reuse one only to repeat the very same request."
    operator = "Nothing to do."
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
    message = "The first request with this key has not finished. Its answer can be fetched with the same request soon."
    client = "Repeat the same request after the seconds in Retry-After."
    operator = "Nothing to do."
    since = "0.1.0"
    param = "Idempotency-Key"
    example = {"retry_after": 1}
