"""A real SMTP server on loopback, with STARTTLS and a password, with faults that tests switch on."""

import asyncio
import email
import email.policy
import shutil
import ssl
import subprocess
from email.message import EmailMessage
from pathlib import Path
from typing import Final

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from deploy.local.free_ports import free_port

USER: Final = "candor"
PASSWORD: Final = "p@ss:word"
QUOTED: Final = "p%40ss%3Aword"


def certificate(folder: Path) -> Path:
    """Return a certificate of the server, with its key in the same file."""
    path = folder / "smtp.pem"
    command = [shutil.which("openssl") or "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt"]
    command += ["ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    command += ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", str(path), "-out", f"{path}.crt"]
    subprocess.run(command, check=True, capture_output=True)
    path.write_text(path.read_text() + Path(f"{path}.crt").read_text())
    return path


class Mailbox:
    """The received mails, and the responses to the next ones."""

    def __init__(self) -> None:
        self.received: list[EmailMessage] = []
        self.recipient_answer = "250 OK"
        self.data_answer = "250 OK"
        self.hangs = self.drops = False
        self.connections = 0

    async def handle_RCPT(  # noqa: N802 -- named by aiosmtpd
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        """Respond to a recipient."""
        if self.recipient_answer.startswith("2"):
            envelope.rcpt_tos.append(address)
        return self.recipient_answer

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Respond to a message, or do not."""
        if self.hangs:
            await asyncio.sleep(60)
        if self.data_answer.startswith("2"):
            content = envelope.content
            assert isinstance(content, bytes)
            self.received.append(email.message_from_bytes(content, policy=email.policy.default))
        if self.drops:
            assert isinstance(server.transport, asyncio.WriteTransport)
            server.transport.abort()
        return self.data_answer


def _authenticated(
    _server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, login: LoginPassword
) -> AuthResult:
    return AuthResult(handled=False, success=login == LoginPassword(USER.encode(), PASSWORD.encode()))


def started(mailbox: Mailbox, pem: Path, *, scheme: str = "smtp", is_encrypted: bool = True) -> Controller:
    """Return the listening server: with STARTTLS, encrypted from the start (``smtps``), or unencrypted."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(pem)
    controller = Controller(
        mailbox,
        hostname="127.0.0.1",
        port=free_port(),
        ssl_context=context if scheme == "smtps" else None,
        tls_context=context if scheme == "smtp" and is_encrypted else None,
        require_starttls=scheme == "smtp" and is_encrypted,
        authenticator=_authenticated,
        auth_required=scheme == "smtp" and is_encrypted,
    )
    controller.start()
    return controller
