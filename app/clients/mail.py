"""Mail, by SMTP: one attempt, bounded in time. To repeat it is the queue's part, whose pauses take a breaker's place.

What the server rejects for good (5xx, RFC 5321, section 4.2.1) is undeliverable, and not kept. Two rejections are about
this service, not about the mail, and can be fixed: of its name or password (tried again), and by a policy
of the server (X.7.X, RFC 3463, section 3.8: relaying denied, sender not authorized; the job is kept as dead).
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
"""For the whole conversation, whatever comes of it."""
PERMANENT: Final = 500
POLICY: Final = b"5.7."
LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})


class SmtpMail:
    """Sends mail by the server that ``url`` names: ``smtp://user:password@host:587`` or ``smtps://…:465``.

    The conversation is encrypted and the certificate verified; only a server on this machine may do without. Whom to
    trust besides the system's authorities, ``SSL_CERT_FILE`` says.
    """

    def __init__(self, url: str, renderer: MailRenderer, *, timeout: timedelta = TIMEOUT) -> None:
        self._url, self._renderer, self._timeout = urlsplit(url), renderer, timeout
        self._watchdog = Watchdog()
        metrics.DEPENDENCY_ERRORS.labels("mail", "send")

    def __call__(self, job: ClaimedJob) -> None:
        """Send the mail that a job asks for.

        Raises:
            Error: of kind INVALID_REQUEST, when the mail is rejected for good; ``is_undeliverable`` unless by a policy.
            ExternalServiceError: anything else went wrong; the same may succeed later.
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
            raise TypeError("mail is sent within a deadline")
        with closing(_connected(self._url, limit.remaining())) as server:
            if server.sock is None:
                raise smtplib.SMTPServerDisconnected("not connected")
            ticket = self._watchdog.watch(server.sock.fileno(), at=limit.at)
            try:
                _introduce(server, self._url)
                server.send_message(message)
                with suppress(smtplib.SMTPException, OSError):  # it has the mail; how it takes leave is its own affair
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
    """Encrypt the conversation, then say who we are."""
    server.ehlo()
    if url.scheme == "smtp" and (url.hostname not in LOOPBACK or server.has_extn("starttls")):
        server.starttls(context=ssl.create_default_context())
        server.ehlo()
    if url.username:
        server.login(unquote(url.username), unquote(url.password or ""))


@contextmanager
def _translated() -> Iterator[None]:
    """Turn what smtplib reports into errors of the house."""
    try:
        yield
    except smtplib.SMTPRecipientsRefused as error:
        raise _rejected(*min(error.recipients.values())) from error
    except smtplib.SMTPDataError as error:
        raise _rejected(error.smtp_code, error.smtp_error) from error
    except (smtplib.SMTPException, OSError) as error:  # an answer to our greeting, name or password among them
        raise ExternalServiceError("mail.send", smtp_code=getattr(error, "smtp_code", None)) from error


def _rejected(code: int, text: bytes | str) -> errs.Error:
    if code >= PERMANENT:
        reply = text if isinstance(text, bytes) else text.encode(errors="replace")
        is_ours = reply.startswith(POLICY)
        return errs.E("mail.send", kind=errs.Kind.INVALID_REQUEST, smtp_code=code, is_undeliverable=not is_ours)
    return ExternalServiceError("mail.send", smtp_code=code)


class MailFolder:
    """Keeps mail in a folder and prints it, in place of a server, for whoever develops."""

    def __init__(self, folder: Path, renderer: MailRenderer) -> None:
        self._folder, self._renderer = folder, renderer

    def __call__(self, job: ClaimedJob) -> None:
        """Keep the mail that a job asks for; the same job keeps the same file."""
        message = self._renderer.render(job)
        text = message.get_body(("plain",))
        path = self._folder / f"{job.create_time:%Y%m%d-%H%M%S}-{job.id}.eml"
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.write_bytes(message.as_bytes())
        body = text.get_content() if text else ""
        click.echo(f"\nTo: {message['To']}\nSubject: {message['Subject']}\n\n{body}\n({path})\n")
