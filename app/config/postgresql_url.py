"""``DATABASE_URL``, in every form that libpq documents, and the session parameters that the service depends on."""

import re
from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Final
from urllib.parse import quote, urlencode

SESSION: Final[Mapping[str, str]] = MappingProxyType(
    {
        "bytea_output": "hex",
        "client_min_messages": "warning",
        "DateStyle": "ISO,MDY",
        "default_transaction_deferrable": "off",
        "default_transaction_isolation": r"read\ committed",
        "extra_float_digits": "1",
        "IntervalStyle": "postgres",
        "standard_conforming_strings": "on",
        "TimeZone": "UTC",
        "transform_null_equals": "off",
    }
)
"""Session parameters that determine how values are read and written, and the isolation of transactions.

Operators cannot override them. They are sent with the connection request and cost no round trip.
``client_min_messages`` is included because PostgreSQL reports an unreplicated COMMIT as a warning. Two parameters are
not included. ``search_path`` lets an operator choose the schema. ``default_transaction_read_only`` lets a provider
protect a full disk; ``/readyz`` reports it.
"""
OWN: Final = frozenset(name.lower() for name in (*SESSION, "client_encoding"))
OVERRIDING: Final = {"PGDATESTYLE": "DateStyle", "PGTZ": "TimeZone"}
"""Variables of libpq that take precedence over ``options``, and the parameters they set."""
PRESERVED: Final = {"PGOPTIONS": "options", "PGCONNECT_TIMEOUT": "connect_timeout"}
"""Variables of libpq that the service's own keywords would replace, with the keyword that preserves them."""
HOSTS: Final = {"host": "PGHOST", "hostaddr": "PGHOSTADDR"}
"""Keywords that can name several hosts, with the variable of libpq that is used without the keyword."""
TARGET: Final = "target_session_attrs"
DRIVER: Final = "postgresql+psycopg://"
UTF8: Final = frozenset({"", "utf8", "utf-8", "unicode", "auto"})
_TOKEN: Final = re.compile(r"(?:\\.|\S)+")
_INVALID: Final = re.compile(r"invalid (\w+) value")
_NAME: Final = re.compile(r"[a-z_]{1,32}")
_PORT: Final = re.compile(r"[0-9]{1,5}|")
_SECONDS: Final = re.compile(r"-?[0-9]{1,9}|")


def database_url(text: str) -> str:
    """Accept a connection URI or a keyword/value string of libpq, and return it as SQLAlchemy's URL.

    Raises:
        ValueError: libpq does not accept it, or it sets a parameter of the service; values are not quoted.
    """
    found = _parsed(text.replace(DRIVER, "postgresql://", 1) if text.startswith(DRIVER) else text)
    _check(found)
    return _spelled(found)


def replica_url(text: str) -> str:
    """Accept the same as ``database_url``. Standbys are preferred, unless the URL has another ``target_session_attrs``.

    Raises:
        ValueError: as ``database_url``.
    """
    url = database_url(text)
    found = _parsed(url.replace(DRIVER, "postgresql://", 1))
    return _spelled({TARGET: "prefer-standby", **found})


def with_environment(url: str, environ: Mapping[str, str]) -> str:
    """Return the URL with the values of libpq's variables that the service would otherwise replace.

    Several hosts imply ``target_session_attrs=read-write``, unless the URL or PGTARGETSESSIONATTRS has another value.

    Raises:
        ValueError: they set a parameter of the service; the text completes "DATABASE_URL …".
    """
    for variable, name in OVERRIDING.items():
        if environ.get(variable, "default").lower() != "default":
            raise ValueError(f"cannot be used while {variable} is set, because the service sets {name} of its sessions")
    if taken := _own(environ.get("PGOPTIONS", "")):
        raise ValueError(f"cannot be used with PGOPTIONS that set {taken}, which the service sets itself")
    found = _parsed(url.replace(DRIVER, "postgresql://", 1))
    missing = {
        keyword: environ[name] for name, keyword in PRESERVED.items() if environ.get(name) and keyword not in found
    }
    has_several = any("," in (found.get(name) or environ.get(variable, "")) for name, variable in HOSTS.items())
    if has_several and TARGET not in found and "PGTARGETSESSIONATTRS" not in environ:
        missing[TARGET] = "read-write"
    if not missing:
        return url
    try:
        _check({**found, **missing})
    except ValueError as fault:
        variables = ", ".join(name for name, keyword in PRESERVED.items() if keyword in missing)
        raise ValueError(f"cannot be used with {variables}: together they {fault}") from None
    return _spelled({**found, **missing})


def names_set(options: str) -> Collection[str]:
    """Return the parameters that ``options`` sets, in PostgreSQL's syntax: ``-c name=value`` and ``--name=value``."""
    names, words = set[str](), iter(_TOKEN.findall(options))
    for word in words:
        if word == "-c":
            names.add(next(words, ""))
        elif word.startswith(("-c", "--")):
            names.add(word[2:])
    return {name.partition("=")[0].replace("-", "_").lower() for name in names}


def _own(options: str) -> str:
    return ", ".join(sorted(OWN.intersection(names_set(options))))


def _parsed(text: str) -> dict[str, str]:
    from psycopg import ProgrammingError, conninfo  # noqa: PLC0415 -- the metrics exporter needs no driver

    try:
        found = conninfo.conninfo_to_dict(text)
    except ProgrammingError as fault:
        # libpq quotes the unknown part, which may contain a part of a password
        _, _, quoted = str(fault).partition('parameter: "')
        unknown = quoted.partition('"')[0]
        about = f"; {unknown} is unknown" if _NAME.fullmatch(unknown) else ""
        raise ValueError(
            "must be a connection string of PostgreSQL's libpq, such as postgresql://user:password@host/name"
            f" or host=… dbname=…{about}"
        ) from None
    return {name: str(value) for name, value in found.items()}


def _check(found: Mapping[str, str]) -> None:
    hosts, ports = (found.get(name, "").split(",") for name in ("host", "port"))
    if not all(_PORT.fullmatch(port) and 0 < int(port or 1) < 2**16 for port in ports):
        raise ValueError("must have ports between 1 and 65535; encode reserved characters of a password, as %2F")
    if len(ports) not in {1, len(hosts)}:
        raise ValueError("must have one port, or one for each host")
    if "," in found.get("hostaddr", "") and "host" not in found:
        raise ValueError("must name a host for each hostaddr")
    if "replication" in found:
        raise ValueError("cannot set replication: the service needs an ordinary connection")
    if found.get("client_encoding", "").lower() not in UTF8:
        raise ValueError("cannot set client_encoding: the service reads and writes UTF-8")
    if not _SECONDS.fullmatch(found.get("connect_timeout", "")):
        raise ValueError("must have a connect_timeout in whole seconds")
    if taken := _own(found.get("options", "")):
        raise ValueError(f"cannot set {taken} in options: the service sets it itself")
    if name := _invalid(found):
        raise ValueError(f"has an invalid value of {name}")


def _invalid(found: Mapping[str, str]) -> str:
    """Return the keyword whose value libpq rejects; it validates the values before it connects, here to no host."""
    from psycopg import conninfo, pq  # noqa: PLC0415 -- see above

    nowhere = {**found, "host": "/nonexistent", "port": "1"}
    for name in ("hostaddr", "service", "passfile"):
        nowhere.pop(name, None)
    attempt = pq.PGconn.connect_start(conninfo.make_conninfo(**nowhere).encode())
    try:
        text = _INVALID.search(attempt.error_message.decode(errors="replace"))
    finally:
        attempt.finish()
    return text[1] if text else ""


def _spelled(found: Mapping[str, str]) -> str:
    """Return SQLAlchemy's URL; parts that its authority cannot contain (several hosts, a socket's folder) are in the
    query.
    """
    rest, hosts = dict(found), found.get("host", "").count(",") + 1
    if hosts > 1 and "," not in rest.get("port", ","):
        rest["port"] = ",".join([rest["port"]] * hosts)
    is_plain = not re.search("[,/@]", rest.get("host", "")) and "," not in rest.get("port", "")
    user, password = rest.pop("user", ""), rest.pop("password", None)
    credentials = quote(user, safe="") + ("" if password is None else f":{quote(password, safe='')}")
    place = ""
    if is_plain and "host" in rest:
        host, port = rest.pop("host"), rest.pop("port", "")
        place = (f"[{host}]" if ":" in host else host) + (f":{port}" if port else "")
    authority = f"{credentials}@{place}" if credentials else place
    name, query = quote(rest.pop("dbname", ""), safe=""), urlencode(rest, quote_via=quote, safe="/,")
    return DRIVER + authority + (f"/{name}" if name or query else "") + (f"?{query}" if query else "")
