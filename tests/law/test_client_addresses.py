"""Only ``app.wire.client_addresses`` derives the client address from a peer and its header fields."""

import re
from pathlib import Path
from typing import Final

APP: Final = Path(__file__).parents[2] / "app"
SOURCES: Final = re.compile(
    r"remote_addr|REMOTE_ADDR|[xX]-[fF]orwarded-[fF]or|HTTP_X_|[xX]-[rR]eal-[iI][pP]|access_route"
)
READERS: Final = {
    "rest/prepared_health.py",
    "rest/request.py",
    "rest/proxy_config/apache.py",
    "rest/proxy_config/nginx.py",
    "rpc/calls.py",
    "wire/client_addresses.py",
    "config/__init__.py",
    "observability/log_field_meanings.py",
    "rest/request_header_meanings.py",
}
"""The two transports, which pass on their input, the parser, two configurations of proxies, and descriptions."""


def test_no_other_module_derives_an_address() -> None:
    found = {
        str(path.relative_to(APP)) for path in APP.rglob("*.py") if SOURCES.search(path.read_text(encoding="utf-8"))
    }
    assert found == READERS
