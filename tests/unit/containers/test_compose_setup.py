"""The setup of compose.yaml: the files of nginx, secrets that stay, and a certificate for the host of PUBLIC_URL."""

import re
import ssl
import stat
from pathlib import Path

from cryptography import x509

from deploy.containers import compose_setup
from deploy.stack.reverse_proxy import RULES

URL = "https://api.test.example:9443"


def test_the_files_of_nginx(tmp_path: Path) -> None:
    compose_setup.configure(tmp_path, URL, "# problems\n")
    compose_setup.configure(tmp_path, URL, "# problems\n")
    site = (tmp_path / "candor.conf").read_text()
    assert f'default "{URL}";' in site
    assert "server_name api.test.example;" in site
    assert "api.example.com" not in site
    included = set(re.findall(r"(?m)^ *include (candor/\S+);", site))
    assert all((tmp_path / path).exists() for path in included)
    assert "/dev/stdout" in (tmp_path / "candor" / "rejections.conf").read_text()
    assert not [*tmp_path.rglob("*.partial")]
    assert compose_setup.RULES == RULES


def test_a_secret_stays(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    assert compose_setup.keep(path, "first", 0o600) == "first"
    assert compose_setup.keep(path, "second", 0o600) == "first"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_certificate(tmp_path: Path) -> None:
    certificate, key = tmp_path / "tls.crt", tmp_path / "tls.key"
    compose_setup.certify(certificate, key, "127.0.0.1")
    first = certificate.read_bytes()
    compose_setup.certify(certificate, key, "other.example")
    assert certificate.read_bytes() == first
    names = x509.load_pem_x509_certificate(first).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [str(name) for name in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1"]
    assert names.get_values_for_type(x509.DNSName) == ["localhost"]
    ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(certificate, key)
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
