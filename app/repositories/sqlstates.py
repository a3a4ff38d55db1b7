"""The decision table: for each SQLSTATE of PostgreSQL, the response to the client, and whether the work is repeated.

Appendix A of PostgreSQL's manual lists the codes. ``docs/reference/postgresql.md`` shows this table. A test compares
both, and requires a decision for every code that psycopg knows. Any other class counts as a bug of the service.
"""

from enum import Enum
from types import MappingProxyType
from typing import Final


class Decision(Enum):
    """A decision: the HTTP status, and the repetition by the service."""

    AGAIN = "503", "the use case, from the start, up to 3 attempts; a read, once"
    LATER = "503", "nothing"
    FULL = "507", "nothing"
    CONSTRAINT = "the error that the model names for the constraint; 500 without one", "nothing"
    INPUT = "400", "nothing"
    BUG = "500", "nothing"

    def __init__(self, status: str, repeated: str) -> None:
        self.status, self.repeated = status, repeated


STALE_PLAN: Final = "0A000"
"""Feature not supported. PostgreSQL has no other code for a prepared statement whose result has another type now."""
REVALIDATION: Final = "RevalidateCachedQuery"
"""The PostgreSQL function that reports the stale plan. Its name, unlike the message, is never translated."""
LOST_STATEMENT: Final = ("26000", "42P05")
"""A prepared statement is missing or already exists: a pooler has given the session to another client meanwhile."""
QUERY_CANCELED: Final = "57014"
TRANSACTION_TIMEOUT: Final = "25P04"
ABSENT: Final = ("08", "53", "57P01", "57P02", "57P03", "57P04")
"""Codes that mean that the server can't execute any statement."""

_A, _L, _B = Decision.AGAIN, Decision.LATER, Decision.BUG
TABLE: Final = MappingProxyType(
    {
        "00": _B,  # successful completion
        "01": _B,  # warning
        "02": _B,  # no data
        "03": _B,  # SQL statement not yet complete
        "08": _L,  # connection exception
        "09": _B,  # triggered action exception
        "0A": _B,  # feature not supported; for a stale plan: AGAIN
        "0B": _B,  # invalid transaction initiation
        "0F": _B,  # locator exception
        "0L": _B,  # invalid grantor
        "0P": _B,  # invalid role specification
        "0Z": _B,  # diagnostics exception
        "10": _B,  # XQuery error
        "20": _B,  # case not found
        "21": _B,  # cardinality violation
        "22": Decision.INPUT,  # data exception
        "23": Decision.CONSTRAINT,  # integrity constraint violation
        "24": _B,  # invalid cursor state
        "25": _B,  # invalid transaction state
        "25006": _L,  # read-only transaction: a failover is under way
        "25P03": _A,  # idle_in_transaction_session_timeout: the session has ended
        "25P04": _L,  # transaction_timeout: the session has ended, and a repetition would take as long
        "26": _B,  # invalid SQL statement name
        "26000": _A,  # a pooler has dropped the prepared statement
        "27": _B,  # triggered data change violation
        "28": _L,  # invalid authorization: a password is being rotated
        "2B": _B,  # dependent privilege descriptors still exist
        "2D": _B,  # invalid transaction termination
        "2F": _B,  # SQL routine exception
        "34": _B,  # invalid cursor name
        "38": _B,  # external routine exception
        "39": _B,  # external routine invocation exception
        "3B": _B,  # savepoint exception
        "3D": _L,  # invalid catalog name: the database is being restored
        "3F": _B,  # invalid schema name
        "40": _A,  # transaction rollback: serialization failure, deadlock
        "40002": Decision.CONSTRAINT,  # integrity constraint violation at the end of the transaction
        "40003": _L,  # statement completion unknown
        "42": _B,  # syntax error or access rule violation
        "42P05": _A,  # a pooler has assigned another client's session
        "44": _B,  # WITH CHECK OPTION violation
        "53": _L,  # insufficient resources: too many connections, out of memory
        "53100": Decision.FULL,  # disk full
        "54": _B,  # program limit exceeded
        "55": _B,  # object not in prerequisite state
        "55006": _L,  # object in use
        "55P03": _L,  # lock not available within lock_timeout
        "57": _L,  # operator intervention: query canceled, shutdown, crash, cannot connect now
        "58": _L,  # system error: the server's files
        "72": _A,  # snapshot too old
        "F0": _L,  # configuration file error
        "HV": _B,  # foreign data wrapper error
        "HV00N": _L,  # unable to establish a connection to the foreign server
        "P0": _B,  # PL/pgSQL error
        "XX": _B,  # internal error
    }
)
"""Decisions by class or single code; the code decides before its class."""


def decided(sqlstate: str, *, has_ended: bool = False, function: str | None = None) -> Decision:
    """Return the decision about an error.

    Args:
        sqlstate: its code; empty when the server reported none.
        has_ended: whether the session ended with it. PostgreSQL has then rolled back the open transaction.
        function: PostgreSQL's function that reported it.
    """
    if sqlstate == STALE_PLAN and function == REVALIDATION:
        return Decision.AGAIN
    if not sqlstate:
        return Decision.AGAIN if has_ended else Decision.BUG
    decision = TABLE.get(sqlstate) or TABLE.get(sqlstate[:2]) or Decision.BUG
    is_undone = has_ended and decision is Decision.LATER and sqlstate != TRANSACTION_TIMEOUT
    return Decision.AGAIN if is_undone else decision
