"""One named error for each kind that no other named error represents: the definitions of ``E(kind=…)``."""

from app.errs.error import Error
from app.errs.kinds import Kind


class InvalidOperation(Error):
    """The current state of the resource does not allow the operation.

    The request is well formed, but the resource is in a state that does not allow it.
    """

    kind = Kind.INVALID
    code = "INVALID_OPERATION"
    client = "Read the resource again and check whether its state allows the operation."
    operator = "No action is needed. The log has the operation."
    since = "0.1.0"


class ItemAlreadyExists(Error):
    """The item already exists."""

    kind = Kind.EXIST
    code = "ITEM_ALREADY_EXISTS"
    client = "Use the existing item, or choose another identifier."
    operator = "No action is needed. The log has the operation."
    since = "0.1.0"


class ItemDoesNotExist(Error):
    """The item does not exist."""

    kind = Kind.NOT_EXIST
    code = "ITEM_DOES_NOT_EXIST"
    client = "Check the identifier; the item may have been deleted."
    operator = "No action is needed. The log has the operation."
    since = "0.1.0"


class InformationWithheld(Error):
    """The service doesn't show this information to the caller."""

    kind = Kind.PRIVATE
    code = "INFORMATION_WITHHELD"
    client = "Check the address. You don't have access to this information."
    operator = "The log has the caller and the withheld information."
    since = "0.1.0"


class LinkTargetDoesNotExist(Error):
    """The request refers to something that does not exist."""

    kind = Kind.BROKEN_LINK
    code = "LINK_TARGET_DOES_NOT_EXIST"
    client = "Create the missing item first, or refer to an existing item."
    operator = "No action is needed. The log has the reference."
    since = "0.1.0"


class InputValidationError(Error):
    """The input breaks a rule."""

    kind = Kind.VALIDATION
    code = "INPUT_VALIDATION_ERROR"
    client = "Fix the problem in detail and send the request again."
    operator = "No action is needed."
    since = "0.1.0"


class InvalidRequestError(Error):
    """The request is invalid."""

    kind = Kind.INVALID_REQUEST
    code = "INVALID_REQUEST_ERROR"
    client = "Compare the request with the API reference."
    operator = "No action is needed."
    since = "0.1.0"


class UnauthenticatedRequest(Error):
    """The caller is not authenticated."""

    kind = Kind.UNAUTHENTICATED
    code = "UNAUTHENTICATED_REQUEST"
    client = "Send a valid bearer token."
    operator = "The log has the reason."
    since = "0.1.0"


class UnauthorizedRequest(Error):
    """The caller does not have permission for this operation."""

    kind = Kind.UNAUTHORIZED
    code = "UNAUTHORIZED_REQUEST"
    client = "Get the permission first. A retry with the same token fails again."
    operator = "The log has the reason."
    since = "0.1.0"


class EditConflict(Error):
    """The request conflicts with the current state of the resource."""

    kind = Kind.CONFLICT
    code = "EDIT_CONFLICT"
    client = "Read the resource again, apply your change to the new version, and retry."
    operator = "Frequent conflicts on one resource show a row that many requests change."
    since = "0.1.0"


class RequestTooLarge(Error):
    """The request is larger than the service accepts."""

    kind = Kind.TOO_LARGE
    code = "REQUEST_TOO_LARGE"
    client = "Split the request into smaller ones."
    operator = "No action is needed."
    since = "0.1.0"


class UnprocessableRequest(Error):
    """The request is well formed, but the service can't process it."""

    kind = Kind.UNPROCESSABLE
    code = "UNPROCESSABLE_REQUEST"
    client = "Change the request. A retry of the same request fails again."
    operator = "No action is needed."
    since = "0.1.0"
