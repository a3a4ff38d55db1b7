"""Host (RFC 9112, section 3.2) and versions."""

from tests.conformance.api import Api
from tests.conformance.rule import Level, answered, expect, rule


def _with_hosts(api: Api, *hosts: str, version: str = "HTTP/1.1") -> bytes:
    lines = [f"GET {api.server.prefix}{api.path} {version}", *(f"Host: {host}" for host in hosts)]
    lines += [f"Authorization: Bearer {api.profile.token}", "Connection: close", "", ""]
    return "\r\n".join(lines).encode()


@rule("H01", "A request without Host is 400.", source="RFC 9112 §3.2")
def missing(api: Api) -> str:
    return answered(api.exchange(_with_hosts(api)), 400)


@rule("H02", "A request with two Hosts is 400.", source="RFC 9112 §3.2")
def two(api: Api) -> str:
    return answered(api.exchange(_with_hosts(api, api.server.authority, "other.example")), 400)


@rule("H03", "An invalid Host is 400.", source="RFC 9112 §3.2")
def invalid(api: Api) -> str:
    for host in ("a b", "a/b", "user@example.com", "example.com:http", "[::1", "a,b/c"):
        seen = answered(api.exchange(_with_hosts(api, host)), 400, to=f"Host: {host}")
    return seen


@rule("H04", "HTTP/1.0 is answered without a transfer coding.", source="RFC 9112 §6.1")
def old_version(api: Api) -> str:
    answer = api.exchange(_with_hosts(api, api.server.authority, version="HTTP/1.0"))
    expect("Transfer-Encoding" not in dict(answer.fields), f"Transfer-Encoding: {answer.get('Transfer-Encoding')}")
    return answer.line


@rule("H05", "After HTTP/1.0 without keep-alive the connection is closed.", source="RFC 9112 §9.3", level=Level.MEANS)
def old_connection(api: Api) -> str:
    request = _with_hosts(api, api.server.authority, version="HTTP/1.0").replace(b"Connection: close\r\n", b"")
    with api.server.connect() as connection:
        connection.send(request)
        answer = connection.receive()
        expect(connection.is_closed(), f"{answer.line}, and the connection stays open")
    return "closed"
