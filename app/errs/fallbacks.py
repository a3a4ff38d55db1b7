"""One named error for every kind that no situation of ours names: for those who raise ``E(kind=…)`` themselves."""

from app.errs.error import Error
from app.errs.kinds import Kind


class InvalidOperation(Error):
    """The operation is not allowed in the present state.

    The request is well formed, but the state of what it addresses rules it out.
    """

    kind = Kind.INVALID
    code = "INVALID_OPERATION"
    client = "Read the resource again and check what its state allows."
    operator = "Nothing to do; the log names the operation."
    since = "0.1.0"


class ItemAlreadyExists(Error):
    """The item already exists."""

    kind = Kind.EXIST
    code = "ITEM_ALREADY_EXISTS"
    client = "Use the existing item, or choose another identity."
    operator = "Nothing to do; the log names the operation."
    since = "0.1.0"


class ItemDoesNotExist(Error):
    """The item does not exist."""

    kind = Kind.NOT_EXIST
    code = "ITEM_DOES_NOT_EXIST"
    client = "Check the identifier; the item may have been deleted."
    operator = "Nothing to do; the log names the operation."
    since = "0.1.0"


class InformationWithheld(Error):
    """There is nothing here that may be shown."""

    kind = Kind.PRIVATE
    code = "INFORMATION_WITHHELD"
    client = "Check the address; what is there is not meant for this caller."
    operator = "The log says what was withheld from whom."
    since = "0.1.0"


class LinkTargetDoesNotExist(Error):
    """The request refers to something that does not exist."""

    kind = Kind.BROKEN_LINK
    code = "LINK_TARGET_DOES_NOT_EXIST"
    client = "Create what the request refers to first, or refer to something else."
    operator = "Nothing to do; the log names the reference."
    since = "0.1.0"


class InputValidationError(Error):
    """The input breaks a rule."""

    kind = Kind.VALIDATION
    code = "INPUT_VALIDATION_ERROR"
    client = "Mend what the detail names and send the request again."
    operator = "Nothing to do."
    since = "0.1.0"


class InvalidRequestError(Error):
    """The request cannot be understood."""

    kind = Kind.INVALID_REQUEST
    code = "INVALID_REQUEST_ERROR"
    client = "Compare the request with the API reference."
    operator = "Nothing to do."
    since = "0.1.0"


class UnauthenticatedRequest(Error):
    """The caller is not known."""

    kind = Kind.UNAUTHENTICATED
    code = "UNAUTHENTICATED_REQUEST"
    client = "Send a valid bearer token."
    operator = "The log names the real reason."
    since = "0.1.0"


class UnauthorizedRequest(Error):
    """The caller may not do this."""

    kind = Kind.UNAUTHORIZED
    code = "UNAUTHORIZED_REQUEST"
    client = "Ask for the permission; the same token will not get another answer."
    operator = "The log names the real reason."
    since = "0.1.0"


class EditConflict(Error):
    """The request conflicts with the current state of the resource."""

    kind = Kind.CONFLICT
    code = "EDIT_CONFLICT"
    client = "Read the resource again, apply the change to what you find, and retry."
    operator = "Frequent conflicts on one resource show a hot row."
    since = "0.1.0"


class RequestTooLarge(Error):
    """The request is larger than the service accepts."""

    kind = Kind.TOO_LARGE
    code = "REQUEST_TOO_LARGE"
    client = "Send less at a time."
    operator = "Nothing to do."
    since = "0.1.0"


class UnprocessableRequest(Error):
    """The request is well formed and cannot be carried out."""

    kind = Kind.UNPROCESSABLE
    code = "UNPROCESSABLE_REQUEST"
    client = "Change the request; repeated unchanged it will fail again."
    operator = "Nothing to do."
    since = "0.1.0"
