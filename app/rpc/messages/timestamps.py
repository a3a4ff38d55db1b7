"""Conversion of ``google.protobuf.Timestamp``."""

from google.protobuf.timestamp_pb2 import Timestamp


def spelled(moment: Timestamp) -> str:
    """Return a timestamp in RFC 3339, as input of a schema.

    A time outside of the years 1 to 9999 has no such form, and a fraction finer than microseconds has too many digits.
    The schema rejects both.
    """
    try:
        return moment.ToJsonString()
    except ValueError:
        return f"{moment.seconds} s"
