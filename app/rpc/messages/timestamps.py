"""Moments as ``google.protobuf.Timestamp`` has them."""

from google.protobuf.timestamp_pb2 import Timestamp


def spelled(moment: Timestamp) -> str:
    """Return the moment as RFC 3339 spells it, for schemas to read.

    What lies outside the years 1 to 9999 has no spelling, and what is finer than a microsecond has more digits than
    they take.
    """
    try:
        return moment.ToJsonString()
    except ValueError:
        return f"{moment.seconds} s"
