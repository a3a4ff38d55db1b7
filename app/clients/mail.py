"""Email over SMTP: one attempt with a timeout. The job queue repeats it; its pauses replace a circuit breaker.

An email that the server rejects permanently (5xx, RFC 5321, section 4.2.1) is undeliverable; its job is deleted. Two
rejections concern the service, not the email, and operators can fix the cause. After a rejected user name or password
the job is retried. After a rejection by a server policy the job is kept as dead (X.7.X, RFC 3463, section 3.8: relaying
denied, sender not authorized).
"""

import smtplib
import ssl
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Final
from urllib.parse import SplitResult, unquote, urlsplit

import click

from app import errs
from app.clients.mail_renderer import MailRenderer
from app.errs.platform import ExternalServiceError
from app.models.jobs import ClaimedJob
from app.observability import metrics
from app.resilience import deadline
from app.resilience.socket_watchdog import Watchdog

TIMEOUT: Final = timedelta(seconds=15)
"""The timeout of the whole SMTP session."""
PERMANENT: Final = 500
POLICY: Final = b"5.7."
LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})


class SmtpMail:
    """Sends email over the server of ``url``: ``smtp://user:password@host:587`` or ``smtps://…:465``.

    The connection is encrypted, and the certificate is verified. Only a server on the same machine may omit encryption.
    ``SSL_CERT_FILE`` names trusted authorities in addition to those of the system.
    """

    def __init__(self, url: str, renderer: MailRenderer, *, timeout: timedelta = TIMEOUT) -> None:
        self._url, self._renderer, self._timeout = urlsplit(url), renderer, timeout
        self._watchdog = Watchdog()
        metrics.DEPENDENCY_ERRORS.labels("mail", "send")

    def __call__(self, job: ClaimedJob) -> None:
        """Send the email of a job.

        Raises:
            Error: the server rejects the email permanently (kind INVALID_REQUEST). The error context has
                ``is_undeliverable``, which is false for a rejection by a policy.
            ExternalServiceError: any other failure. A later attempt may succeed.
        """
        message = self._renderer.render(job)
        try:
            with deadline.within(self._timeout), _translated():
                self._deliver(message)
        except ExternalServiceError:
            metrics.DEPENDENCY_ERRORS.labels("mail", "send").inc()
            raise

    def _deliver(self, message: EmailMessage) -> None:
        limit = deadline.current.get()
        if limit is None:
            raise TypeError("sending email requires a deadline")
        with closing(_connected(self._url, limit.remaining())) as server:
            if server.sock is None:
                raise smtplib.SMTPServerDisconnected("not connected")
            ticket = self._watchdog.watch(server.sock.fileno(), at=limit.at)
            try:
                _introduce(server, self._url)
                server.send_message(message)
                with suppress(smtplib.SMTPException, OSError):  # the server has accepted the email
                    server.quit()
            finally:
                self._watchdog.release(ticket)


def _connected(url: SplitResult, seconds: float) -> smtplib.SMTP:
    if url.scheme == "smtps":
        return smtplib.SMTP_SSL(
            url.hostname or "", url.port or 465, timeout=seconds, context=ssl.create_default_context()
        )
    return smtplib.SMTP(url.hostname or "", url.port or 587, timeout=seconds)


def _introduce(server: smtplib.SMTP, url: SplitResult) -> None:
    """Start encryption, then authenticate."""
    server.ehlo()
    if url.scheme == "smtp" and (url.hostname not in LOOPBACK or server.has_extn("starttls")):
        server.starttls(context=ssl.create_default_context())
        server.ehlo()
    if url.username:
        server.login(unquote(url.username), unquote(url.password or ""))


@contextmanager
def _translated() -> Iterator[None]:
    """Translate errors of smtplib to application errors."""
    try:
        yield
    except smtplib.SMTPRecipientsRefused as error:
        raise _rejected(*min(error.recipients.values())) from error
    except smtplib.SMTPDataError as error:
        raise _rejected(error.smtp_code, error.smtp_error) from error
    except (smtplib.SMTPException, OSError) as error:  # including rejected greetings and credentials
        raise ExternalServiceError("mail.send", smtp_code=getattr(error, "smtp_code", None)) from error


def _rejected(code: int, text: bytes | str) -> errs.Error:
    if code >= PERMANENT:
        reply = text if isinstance(text, bytes) else text.encode(errors="replace")
        is_policy = reply.startswith(POLICY)
        return errs.E("mail.send", kind=errs.Kind.INVALID_REQUEST, smtp_code=code, is_undeliverable=not is_policy)
    return ExternalServiceError("mail.send", smtp_code=code)


class MailFolder:
    """Writes emails to a folder and prints them. It replaces a mail server in development."""

    def __init__(self, folder: Path, renderer: MailRenderer) -> None:
        self._folder, self._renderer = folder, renderer

    def __call__(self, job: ClaimedJob) -> None:
        """Write the email of a job. The same job always writes the same file."""
        message = self._renderer.render(job)
        text = message.get_body(("plain",))
        path = self._folder / f"{job.create_time:%Y%m%d-%H%M%S}-{job.id}.eml"
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.write_bytes(message.as_bytes())
        body = text.get_content() if text else ""
        click.echo(f"\nTo: {message['To']}\nSubject: {message['Subject']}\n\n{body}\n({path})\n")
