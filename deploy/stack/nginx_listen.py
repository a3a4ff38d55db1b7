"""Print the ``listen.conf`` of the installed nginx: TLS and HTTP/2 on an address, in the syntax of its version.

Until nginx 1.25.1 HTTP/2 is a parameter of ``listen``, since then a directive (nginx.org, ngx_http_v2_module).
``python -m deploy.stack.nginx_listen [ADDRESS…]``; the default is port 443 of IPv4 and IPv6.
"""

import re
import subprocess
import sys
from collections.abc import Sequence
from typing import Final

from app import product
from deploy.stack.program_paths import NginxError, find

DIRECTIVE_SINCE: Final = (1, 25, 1)
ADDRESSES: Final = ("443", "[::]:443")
"""Port 443 of IPv4, and of IPv6: nginx listens on IPv4 alone where only the port is given."""


def version(program: str) -> tuple[int, ...]:
    """Return the version of an nginx, such as ``(1, 22, 1)``. Raises: NginxError: it prints none."""
    printed = subprocess.run([program, "-v"], capture_output=True, text=True, check=False)  # noqa: S603 - found before
    found = re.search(r"nginx/(\d+)\.(\d+)\.(\d+)", printed.stderr)
    if found is None:
        raise NginxError(f"{program} -v prints no version of nginx")
    return tuple(map(int, found.groups()))


def configuration(addresses: Sequence[str], nginx: tuple[int, ...]) -> str:
    """Return the file for these addresses, each in the syntax of ``listen``."""
    if nginx < DIRECTIVE_SINCE:
        return "".join(f"listen {address} ssl http2;\n" for address in addresses)
    return "".join(f"listen {address} ssl;\n" for address in addresses) + "http2 on;\n"


def main() -> int:
    """Print the file for the nginx that is installed."""
    try:
        sys.stdout.write(configuration(sys.argv[1:] or ADDRESSES, version(find("nginx"))))
    except NginxError as error:
        sys.stderr.write(f"{product.SLUG}: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
