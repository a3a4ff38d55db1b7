"""Mail, sent to a real SMTP server with STARTTLS and a password, which rejects, hangs and disconnects."""

import html
import re
import shutil
import socket
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Final
from uuid import UUID

import pytest
from aiosmtpd.controller import Controller

from app import errs
from app.clients import mail
from app.clients.mail import MailFolder, SmtpMail
from app.clients.mail_renderer import KINDS, MAILS, MAX_NAME_LENGTH, MailRenderer, displayed_name
from app.config import ROOT
from app.models.jobs import ClaimedJob
from tests.integration.mail_server import QUOTED, USER, Mailbox, certificate, started

pytestmark = pytest.mark.skipif(not shutil.which("openssl"), reason="makes a certificate with openssl")
PLAIN: Final = MailRenderer(sender="Candor <candor@example.com>", public_url="https://api.example.com")
TOKEN: Final = "the-token-of-the-mail"
OF_ACCOUNTS: Final = ("mail.activation", "mail.address_taken", "mail.no_account", "mail.password_reset")
"""The emails that anyone can cause. Each explains when, and what to do if it was someone else."""
EVIL: Final = "<b>See http://evil.example</b>"
LINKED: Final = MailRenderer(
    sender="Candor <candor@example.com>",
    public_url="https://api.example.com",
    links={
        "mail.activation": "https://app.example.com/activate#token={token}&from=mail",
        "mail.password_reset": "https://app.example.com/reset?token={token}",
    },
)


def bodies(message: EmailMessage) -> list[str]:
    """Return the text and the HTML of a message, the HTML as a browser displays it."""
    parts = [message.get_body((kind,)) for kind in ("plain", "html")]
    assert None not in parts
    return [html.unescape(part.get_content()) for part in parts if part]


def a_job(to: str = "alice@example.com", kind: str = "mail.activation", name: str = EVIL) -> ClaimedJob:
    return ClaimedJob(
        id=UUID("6f1d1ae6-9d4c-4f4e-8d5e-111111111111"),
        kind=kind,
        payload={"to": to, "token": TOKEN, "name": name},
        attempts=1,
        fence=1,
        request_id=None,
        trace_id=None,
        create_time=datetime(2026, 11, 21, 12, tzinfo=UTC),
    )


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Controller, Mailbox, Path]]:
    """Return a server, its mailbox, and its certificate."""
    pem, mailbox = certificate(tmp_path_factory.mktemp("smtp")), Mailbox()
    controller = started(mailbox, pem)
    yield controller, mailbox, pem
    controller.stop()


@pytest.fixture
def mailbox(server: tuple[Controller, Mailbox, Path], monkeypatch: pytest.MonkeyPatch) -> Mailbox:
    """Return the mailbox of a server without faults, whose certificate is trusted."""
    _, mailbox, pem = server
    monkeypatch.setenv("SSL_CERT_FILE", str(pem))
    mailbox.__init__()  # type: ignore[misc]  # the initial state
    return mailbox


@pytest.fixture
def url(server: tuple[Controller, Mailbox, Path]) -> str:
    """Return the server's address."""
    return f"smtp://{USER}:{QUOTED}@127.0.0.1:{server[0].port}"


class TestSmtp:
    def test_ok(self, mailbox: Mailbox, url: str) -> None:
        SmtpMail(url, PLAIN)(a_job())
        (message,) = mailbox.received
        assert (message["To"], message["From"]) == ("alice@example.com", "Candor <candor@example.com>")
        assert message["Subject"] == "Activate your account"
        for kind in ("plain", "html"):
            body = message.get_body((kind,))
            assert body is not None
            assert TOKEN in body.get_content()
            assert "https://api.example.com" in body.get_content()
            assert "evil.example" not in body.get_content()

    def test_the_same_job_is_the_same_message(self, mailbox: Mailbox, url: str) -> None:
        """A recipient who gets it twice can detect that by its Message-ID."""
        send = SmtpMail(url, PLAIN)
        send(a_job())
        send(a_job())
        assert [each["Message-ID"] for each in mailbox.received] == [f"<{a_job().id}@example.com>"] * 2
        assert mailbox.received[0]["Date"] == mailbox.received[1]["Date"]

    @pytest.mark.parametrize("answer", ["451 4.7.1 later", "550 5.1.1 no mailbox of that name"])
    @pytest.mark.parametrize("step", ["recipient_answer", "data_answer"])
    def test_4xx_may_pass_and_5xx_is_for_good(self, mailbox: Mailbox, url: str, step: str, answer: str) -> None:
        setattr(mailbox, step, answer)
        with pytest.raises(errs.Error) as caught:
            SmtpMail(url, PLAIN)(a_job())
        assert caught.value.kind.retryable == answer.startswith("4")
        assert caught.value.facts["smtp_code"] == int(answer[:3])
        assert mailbox.received == []

    @pytest.mark.parametrize(
        ("answer", "is_undeliverable"),
        [
            ("550 5.1.1 no mailbox of that name", True),
            ("550 no such user", True),
            ("552 5.2.2 mailbox full", True),
            ("553 5.1.3 syntax", True),
            ("554 5.7.1 relay access denied", False),
            ("550 5.7.1 sender not authorized", False),
            ("530 5.7.0 authentication required", False),
        ],
    )
    @pytest.mark.parametrize("step", ["recipient_answer", "data_answer"])
    def test_a_policy_rejection_is_about_the_sender_not_the_recipient(
        self, mailbox: Mailbox, url: str, step: str, answer: str, is_undeliverable: bool
    ) -> None:
        """RFC 3463, section 3.8: a configuration can be fixed, therefore the job is kept."""
        setattr(mailbox, step, answer)
        with pytest.raises(errs.Error) as caught:
            SmtpMail(url, PLAIN)(a_job())
        assert caught.value.facts["is_undeliverable"] is is_undeliverable

    def test_a_server_that_hangs_is_left_in_time(self, mailbox: Mailbox, url: str) -> None:
        mailbox.hangs = True
        began = time.monotonic()
        with pytest.raises(errs.Error) as caught:
            SmtpMail(url, PLAIN, timeout=timedelta(seconds=1))(a_job())
        assert time.monotonic() - began < 5
        assert caught.value.kind.retryable

    def test_a_server_that_disconnects_during_data_is_tried_again(self, mailbox: Mailbox, url: str) -> None:
        mailbox.drops = True
        with pytest.raises(errs.Error) as caught:
            SmtpMail(url, PLAIN)(a_job())
        assert caught.value.kind.retryable

    def test_encrypted_from_the_start(self, mailbox: Mailbox, server: tuple[Controller, Mailbox, Path]) -> None:
        """smtps, as on port 465."""
        controller = started(mailbox, server[2], scheme="smtps")
        try:
            SmtpMail(f"smtps://127.0.0.1:{controller.port}", PLAIN)(a_job())
        finally:
            controller.stop()
        assert len(mailbox.received) == 1

    def test_nothing_is_sent_unencrypted_except_on_this_machine(
        self, mailbox: Mailbox, server: tuple[Controller, Mailbox, Path], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """An attacker on the network cannot read the mail by removing STARTTLS from the server's offer."""
        controller = started(mailbox, server[2], is_encrypted=False)
        send = SmtpMail(f"smtp://127.0.0.1:{controller.port}", PLAIN)
        try:
            send(a_job())
            monkeypatch.setattr(mail, "LOOPBACK", frozenset())
            with pytest.raises(errs.Error) as caught:
                send(a_job())
        finally:
            controller.stop()
        assert caught.value.kind.retryable
        assert len(mailbox.received) == 1

    @pytest.mark.parametrize("fault", ["certificate", "password", "absent"])
    def test_a_fault_of_the_configuration_is_retried(
        self, mailbox: Mailbox, url: str, fault: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        if fault == "certificate":
            monkeypatch.delenv("SSL_CERT_FILE")
        elif fault == "password":
            url = url.replace(QUOTED, "wrong")
        else:
            with socket.create_server(("127.0.0.1", 0)) as closed:
                url = f"smtp://127.0.0.1:{closed.getsockname()[1]}"
        with pytest.raises(errs.Error) as caught:
            SmtpMail(url, PLAIN)(a_job())
        assert caught.value.kind.retryable
        assert mailbox.received == []


class TestRenderer:
    @pytest.mark.parametrize("kind", KINDS)
    def test_every_mail_can_be_written(self, kind: str) -> None:
        message = PLAIN.render(a_job(kind=kind))
        assert message["Subject"]
        assert b"{{" not in message.as_bytes()
        assert b"curl" not in message.as_bytes()

    @pytest.mark.parametrize("renderer", [PLAIN, LINKED], ids=["code", "link"])
    @pytest.mark.parametrize("kind", KINDS)
    def test_text_and_html_have_the_same_content(self, renderer: MailRenderer, kind: str) -> None:
        """Every paragraph of the text is in the HTML, word for word."""
        text, page = bodies(renderer.render(a_job(kind=kind, name="Alice")))
        words = " ".join(re.sub(r"<[^>]+>", " ", page.partition("<body")[2]).split())
        paragraphs = [" ".join(each.split()) for each in text.split("\n\n")]
        assert len(paragraphs) >= (3 if kind in OF_ACCOUNTS else 1)
        assert [each for each in paragraphs if each.replace(" here ", " ") not in words] == []

    @pytest.mark.parametrize("kind", ["mail.activation", "mail.password_reset"])
    def test_the_token_is_linked_where_there_is_a_page_for_it(self, kind: str) -> None:
        page = {"mail.activation": "activate#token={}&from=mail", "mail.password_reset": "reset?token={}"}[kind]
        link = f"https://app.example.com/{page.format(TOKEN)}"
        message = LINKED.render(a_job(kind=kind))
        text, page = bodies(message)
        assert f"\n    {link}\n" in text
        assert f'href="{link}"' in page
        assert TOKEN not in text.replace(link, "")

    @pytest.mark.parametrize("kind", OF_ACCOUNTS)
    def test_an_account_mail_contains_the_time_of_the_request(self, kind: str) -> None:
        assert all(" on 21 November 2026 at 12:00 UTC" in body for body in bodies(PLAIN.render(a_job(kind=kind))))

    @pytest.mark.parametrize("kind", ["mail.activation", "mail.address_taken"])
    def test_a_registration_mail_contains_the_name(self, kind: str) -> None:
        message = PLAIN.render(a_job(kind=kind, name="Zoë O’Brien-Núñez"))
        assert all("under the name “Zoë O’Brien-Núñez”." in body for body in bodies(message))

    def test_every_mail_has_both_parts(self) -> None:
        texts, pages = ({path.stem for path in MAILS.glob(f"*.{kind}")} for kind in ("txt", "html"))
        assert pages == {*texts, "layout"}

    def test_every_mail_that_a_service_sends_has_its_template(self) -> None:
        sources = "".join(path.read_text() for path in (ROOT / "app" / "services").glob("*.py"))
        asked = set(re.findall(r'"(mail\.[a-z_]+)"', sources))
        assert {"mail.activation"} <= asked <= set(KINDS)

    @pytest.mark.parametrize(
        "to",
        [
            "alice@example.com\r\nBcc: eve@example.com",
            "alice@example.com\nBcc: eve@example.com",
            "alice@example.com, eve@example.com",
            "Alice <alice@example.com>",
            "alice",
            "@example.com",
            "",
            "alice@example.com\0",
        ],
    )
    def test_an_address_is_one_address(self, to: str) -> None:
        with pytest.raises(errs.Error) as caught:
            PLAIN.render(a_job(to=to))
        assert caught.value.kind is errs.Kind.INVALID_REQUEST

    def test_html_is_escaped(self) -> None:
        body = MailRenderer(sender="a@example.com", public_url="<i>").render(a_job()).get_body(("html",))
        assert body is not None
        assert "<i>" not in body.get_content()


class TestShown:
    @pytest.mark.parametrize(
        ("name", "expected"),
        [
            ("Alice", "Alice"),
            ("J. R. R. Tolkien", "J. R. R. Tolkien"),
            ("Nguyễn Văn Ánh", "Nguyễn Văn Ánh"),
            ("अनन्या", "अनन्या"),
            ("see evil.example", "see evil…example"),
            ("https://evil.example/x", "https…evil…example…x"),
            ("call +1 (800) 555-0100 now", "call … … …-… now"),
            ("<script>", "…script…"),
            ("a  \u00a0 b", "a b"),
            ("\u200b\u202e", "…"),
            ("your account is locked, come to the police at once", "your account is locked… come to the pol…"),
        ],
    )
    def test_a_name_cannot_carry_a_message(self, name: str, expected: str) -> None:
        """The attacker who registers an address cannot choose the owner's text: no link, no number, and no story."""
        assert displayed_name(name) == expected
        assert len(displayed_name(name)) <= MAX_NAME_LENGTH


class TestFolder:
    def test_ok(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        keep = MailFolder(tmp_path / "mail", PLAIN)
        keep(a_job())
        keep(a_job())
        (path,) = (tmp_path / "mail").iterdir()
        assert TOKEN in path.read_text()
        assert TOKEN in capsys.readouterr().out
