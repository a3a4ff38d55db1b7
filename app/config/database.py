"""``DATABASE_URL``, in every form that libpq documents, and what a database session depends on."""

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
"""Parameters that decide how values are read and written, and what a transaction sees; nobody else can set them.

They are sent with the request for a connection, and cost no round trip. ``client_min_messages`` because a COMMIT that
was not replicated says so in a warning. Not among them: ``search_path``, by which an operator chooses the schema, and
``default_transaction_read_only``, by which a provider protects a full disk; ``/readyz`` reports the latter.
"""
OWN: Final = frozenset(name.lower() for name in (*SESSION, "client_encoding"))
OVERRIDING: Final = {"PGDATESTYLE": "DateStyle", "PGTZ": "TimeZone"}
"""Variables of libpq that beat ``options``, and what they set."""
PRESERVED: Final = {"PGOPTIONS": "options", "PGCONNECT_TIMEOUT": "connect_timeout"}
"""Variables of libpq that a keyword of the service would replace, with the keyword that keeps them."""
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
        ValueError: libpq does not accept it, or it sets what the service sets itself; values are not quoted.
    """
    found = _parsed(text.replace(DRIVER, "postgresql://", 1) if text.startswith(DRIVER) else text)
    _check(found)
    return _spelled(found)


def with_environment(url: str, environ: Mapping[str, str]) -> str:
    """Return the URL with what libpq's variables set and the service would replace.

    Raises:
        ValueError: they set what the service sets itself; the words complete "DATABASE_URL …".
    """
    for variable, name in OVERRIDING.items():
        if environ.get(variable, "default").lower() != "default":
            raise ValueError(f"cannot be used while {variable} is set, since the service sets {name} of its sessions")
    if taken := _own(environ.get("PGOPTIONS", "")):
        raise ValueError(f"cannot be used with PGOPTIONS that set {taken}, which the service sets itself")
    found = _parsed(url.replace(DRIVER, "postgresql://", 1))
    missing = {
        keyword: environ[name] for name, keyword in PRESERVED.items() if environ.get(name) and keyword not in found
    }
    if not missing:
        return url
    try:
        _check({**found, **missing})
    except ValueError as fault:
        variables = ", ".join(name for name, keyword in PRESERVED.items() if keyword in missing)
        raise ValueError(f"cannot be used with {variables}: together they {fault}") from None
    return _spelled({**found, **missing})


def names_set(options: str) -> Collection[str]:
    """Return the names that ``options`` set, as PostgreSQL reads them: ``-c name=value`` and ``--name=value``."""
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
    from psycopg import ProgrammingError, conninfo  # noqa: PLC0415 -- whoever serves metrics alone needs no driver

    try:
        found = conninfo.conninfo_to_dict(text)
    except ProgrammingError as fault:
        # libpq quotes what it does not understand, which may be a part of a password
        _, _, quoted = str(fault).partition('parameter: "')
        unknown = quoted.partition('"')[0]
        about = f"; it does not know {unknown}" if _NAME.fullmatch(unknown) else ""
        raise ValueError(
            "must be what PostgreSQL's libpq accepts, such as postgresql://user:password@host/name"
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
    """Return the keyword whose value this libpq does not accept: it looks before it connects, here to nowhere."""
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
    """Return SQLAlchemy's URL; what its authority cannot hold, several hosts or a socket's folder, is in the query."""
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
