"""The numbers of errors and violations: ``AppErrorCode`` in ``proto/errors/v1/errors.proto``.

A number has the name of its code, except for those in ``SHARED``. To give a code a number, add it to the enum.
"""

from collections.abc import Mapping
from typing import Final, cast

from app.errs import Kind
from app.rpc.gen.errors.v1 import errors_pb2 as pb

SHARED: Final[Mapping[Kind, pb.AppErrorCode]] = {
    Kind.NOT_EXIST: pb.RESOURCE_NOT_FOUND,
    Kind.PRIVATE: pb.RESOURCE_NOT_FOUND,
    Kind.EXIST: pb.RESOURCE_CONFLICT,
    Kind.CONFLICT: pb.RESOURCE_CONFLICT,
    Kind.INVALID: pb.INVALID_OPERATION,
    Kind.UNAUTHENTICATED: pb.AUTHENTICATION_FAILED,
    Kind.UNAUTHORIZED: pb.PERMISSION_DENIED,
}
"""The numbers of all codes of a kind without their own number."""
NUMBERS: Final = cast("Mapping[str, pb.AppErrorCode]", dict(pb.AppErrorCode.items()))
"""By the names of the enum."""


def error_number(code: str, kind: Kind) -> pb.AppErrorCode:
    """Return the number of an error; ``APP_ERROR_CODE_UNSPECIFIED`` if neither its code nor its kind has one."""
    return NUMBERS.get(code) or SHARED.get(kind, pb.APP_ERROR_CODE_UNSPECIFIED)


def violation_number(code: str) -> pb.AppErrorCode:
    """Return the number of a violation; ``APP_ERROR_CODE_UNSPECIFIED`` if its code has none."""
    return NUMBERS.get(code, pb.APP_ERROR_CODE_UNSPECIFIED)
