"""nginx in front: the files of `deploy/nginx` with other addresses, below a separate folder."""

import contextlib
import grp
import os
import pwd
import resource
import shutil
import signal
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from deploy.local import exec_child
from deploy.stack import nginx_listen
from deploy.stack.program_paths import NginxError, find

SOURCE: Final = Path(__file__).resolve().parents[1] / "nginx"
RULES: Final = ("http.conf", "proxy.conf", "rejections.conf", "server.conf", "tls.conf")
CONNECTIONS: Final = 8192
KEY: Final = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
CERTIFICATE: Final = ["req", "-x509", *KEY, "-days", "365", "-subj", "/CN=localhost"]
NAMES: Final = ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]

MAIN: Final = """\
daemon off;
{user}
pid {home}/nginx.pid;
error_log stderr error;
worker_processes 2;
worker_rlimit_nofile {files};
events {{ worker_connections {connections}; }}
http {{
    client_body_temp_path {home}/body;
    proxy_temp_path {home}/proxy;
    fastcgi_temp_path {home}/fastcgi;
    uwsgi_temp_path {home}/uwsgi;
    scgi_temp_path {home}/scgi;
    include {home}/candor.conf;
    server {{
        listen 127.0.0.1:{plain_port};
        server_name localhost;
        include candor/server.conf;
    }}
}}
"""


@dataclass(frozen=True)
class ReverseProxy:
    """The addresses and the files of nginx; `instances` are in nginx's syntax, such as unix:/path or 10.0.0.7:8000."""

    home: Path
    log: Path
    certificate: Path
    key: Path
    port: int
    plain_port: int
    instances: tuple[str, str]

    @property
    def url(self) -> str:
        """The address for clients."""
        return f"https://127.0.0.1:{self.port}"

    @property
    def plain_url(self) -> str:
        """The same without TLS, for tools that speak plain HTTP."""
        return f"http://127.0.0.1:{self.plain_port}"

    def start(self, problems: str) -> subprocess.Popen[bytes]:
        """Write the configuration, start nginx, and return once it listens. Raises: NginxError.

        Args:
            problems: the content of problems.conf.
        """
        program = find("nginx")
        self._certify()
        self._configure(problems)
        argv = [program, "-e", "stderr", "-p", str(self.home), "-c", str(self.home / "nginx.conf")]
        tried = subprocess.run([*argv, "-t", "-q"], capture_output=True, text=True, check=False)  # noqa: S603
        if tried.returncode != 0:
            raise NginxError(f"nginx rejects its configuration: {tried.stderr.strip().splitlines()[0]}")
        command = exec_child.command(argv, dies_by=signal.SIGTERM, account=None, sees_all=False)
        process = subprocess.Popen(command, start_new_session=True)  # noqa: S603 - Ctrl-C is for the launcher
        while process.poll() is None:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.plain_port), timeout=1):
                return process
            time.sleep(0.01)
        raise NginxError("nginx does not start; see its output above")

    def _configure(self, problems: str) -> None:
        """Write the files of `deploy/nginx` with replacements; each replaced text must exist."""
        rules = self.home / "candor"
        rules.mkdir(exist_ok=True)
        for name in RULES:
            shutil.copy(SOURCE / name, rules)
        (rules / "problems.conf").write_text(problems, encoding="utf-8")
        listening = nginx_listen.configuration([f"127.0.0.1:{self.port}"], nginx_listen.version(find("nginx")))
        (rules / "listen.conf").write_text(listening, encoding="utf-8")
        _replace(rules / "rejections.conf", {"/var/log/nginx/candor.log": _quoted(self.log)})
        site = Path(shutil.copy(SOURCE / "candor.conf", self.home))
        places = {
            "https://api.example.com": self.url,
            "unix:/run/candor/1.sock": self.instances[0],
            "unix:/run/candor/2.sock": self.instances[1],
            "server_name api.example.com": "server_name localhost",
            "/etc/ssl/candor/fullchain.pem": _quoted(self.certificate),
            "/etc/ssl/candor/privkey.pem": _quoted(self.key),
        }
        _replace(site, places)
        _, most_files = resource.getrlimit(resource.RLIMIT_NOFILE)
        files = min(4 * CONNECTIONS, most_files) if most_files != resource.RLIM_INFINITY else 4 * CONNECTIONS
        main = MAIN.format(
            home=self.home,
            user=f"user {' '.join(account())};" if os.geteuid() == 0 else "",
            files=files,
            connections=min(CONNECTIONS, files // 2),
            plain_port=self.plain_port,
        )
        (self.home / "nginx.conf").write_text(main)

    def _certify(self) -> None:
        """Create a self-signed certificate when there is none yet."""
        if self.certificate.exists() and self.key.exists():
            return
        where = ["-keyout", str(self.key), "-out", str(self.certificate)]
        command = [find("openssl"), *CERTIFICATE, *NAMES, *where]
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - found just now
        if done.returncode != 0:
            raise NginxError(f"openssl makes no certificate: {done.stderr.strip().splitlines()[-1]}")
        self.key.chmod(0o600)


def _quoted(path: Path) -> str:
    """Return a path in the syntax of nginx, which allows spaces in it."""
    return '"{}"'.format(str(path).replace("\\", "\\\\").replace('"', '\\"'))


def account() -> tuple[str, str]:
    """Return the user and group of nginx's workers when started by root."""
    entry = pwd.getpwnam("nobody")
    return entry.pw_name, grp.getgrgid(entry.pw_gid).gr_name


def _replace(path: Path, places: dict[str, str]) -> None:
    text = path.read_text(encoding="utf-8")
    for old, new in places.items():
        if old not in text:
            raise NginxError(f"{path.name} no longer contains {old}")
        text = text.replace(old, new)
    path.write_text(text, encoding="utf-8")
