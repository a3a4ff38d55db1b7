"""The service ``setup`` of compose.yaml: creates secrets, a certificate and the configuration of nginx in volumes.

Existing secrets and certificates stay. The configuration is written again at each start, from ``deploy/nginx`` and the
settings; each replaced text must exist.
"""

import ipaddress
import os
import secrets
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

SOURCE: Final = Path(__file__).resolve().parents[1] / "nginx"
SETTINGS: Final = Path("/etc/candor")
DATABASE: Final = Path("/srv/postgres")
PROXY: Final = Path("/srv/nginx")
RULES: Final = ("http.conf", "proxy.conf", "rejections.conf", "server.conf", "tls.conf")
LOGS: Final = {"/var/log/nginx/candor.log": "/dev/stdout"}
VALID: Final = timedelta(days=365)
PRIVATE: Final = 0o600
READABLE: Final = 0o644

LISTEN: Final = "listen 8443 ssl;\nhttp2 on;\n"
MAIN: Final = """\
pid /tmp/nginx.pid;
error_log stderr error;
worker_processes 2;
events { worker_connections 4096; }
http {
    client_body_temp_path /tmp/body;
    proxy_temp_path /tmp/proxy;
    fastcgi_temp_path /tmp/fastcgi;
    uwsgi_temp_path /tmp/uwsgi;
    scgi_temp_path /tmp/scgi;
    include candor.conf;
}
"""


def main() -> int:
    """Write everything that is missing, and the configuration of nginx."""
    public_url = os.environ["PUBLIC_URL"]
    jwt_secret = keep(SETTINGS / "jwt-secret", secrets.token_hex(32), PRIVATE)
    password = keep(DATABASE / "password", secrets.token_hex(16), READABLE)
    database = f"postgresql://candor:{password}@postgres/candor"
    write(SETTINGS / "database-url", database, PRIVATE)
    certify(PROXY / "tls.crt", PROXY / "tls.key", urlsplit(public_url).hostname or "localhost")
    problems = subprocess.run(
        [sys.executable, "-m", "flask", "errors", "nginx"],
        env={**os.environ, "DATABASE_URL": database, "JWT_SECRET": jwt_secret},
        stdout=subprocess.PIPE, text=True, check=True,
    ).stdout  # fmt: skip
    configure(PROXY, public_url, problems)
    return 0


def write(path: Path, text: str, mode: int) -> None:
    """Replace a file at once, with this mode."""
    partial = path.with_suffix(".partial")
    partial.write_text(text, encoding="utf-8")
    partial.chmod(mode)
    partial.replace(path)


def keep(path: Path, text: str, mode: int) -> str:
    """Return the content of a file, which is written if it is missing."""
    if not path.exists():
        write(path, text, mode)
    return path.read_text(encoding="utf-8")


def certify(certificate: Path, key: Path, host: str) -> None:
    """Create a self-signed certificate for the host and for localhost, unless there is one."""
    if certificate.exists():
        return
    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder(name, name, private.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + VALID)
        .add_extension(x509.SubjectAlternativeName([*map(_general_name, dict.fromkeys((host, "localhost")))]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), True)
        .sign(private, hashes.SHA256())
    )
    form = serialization.PrivateFormat.PKCS8
    pem = private.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
    write(key, pem.decode(), PRIVATE)
    write(certificate, signed.public_bytes(serialization.Encoding.PEM).decode(), READABLE)


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def configure(home: Path, public_url: str, problems: str) -> None:
    """Write the files of ``deploy/nginx`` for the volumes of compose.yaml.

    Args:
        home: the folder that nginx reads.
        public_url: PUBLIC_URL.
        problems: the content of problems.conf.
    """
    rules = home / "candor"
    rules.mkdir(exist_ok=True)
    for name in RULES:
        write(rules / name, _edited(name, LOGS if name == "rejections.conf" else {}), READABLE)
    write(rules / "problems.conf", problems, READABLE)
    write(rules / "listen.conf", LISTEN, READABLE)
    places = {
        "https://api.example.com": public_url,
        "server_name api.example.com": f"server_name {urlsplit(public_url).hostname}",
        "/etc/ssl/candor/fullchain.pem": str(home / "tls.crt"),
        "/etc/ssl/candor/privkey.pem": str(home / "tls.key"),
    }
    write(home / "candor.conf", _edited("candor.conf", places), READABLE)
    write(home / "nginx.conf", MAIN, READABLE)


def _edited(name: str, places: Mapping[str, str]) -> str:
    """Return a file of ``deploy/nginx`` with replaced texts."""
    text = (SOURCE / name).read_text(encoding="utf-8")
    for old, new in places.items():
        if old not in text:
            raise ValueError(f"{name} no longer contains {old}")
        text = text.replace(old, new)
    return text


if __name__ == "__main__":
    sys.exit(main())
