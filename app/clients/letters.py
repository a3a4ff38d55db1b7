"""Letters: a job of the kind ``mail.…`` becomes a message, in text and HTML, always the same for the same job."""

from email.errors import HeaderParseError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from app import errs
from app.models.jobs import TakenJob

MAILS: Final = Path(__file__).parent / "mails"
TEMPLATES: Final = Environment(
    loader=FileSystemLoader(MAILS), undefined=StrictUndefined, autoescape=select_autoescape(["html"])
)
KINDS: Final = tuple(f"mail.{path.stem}" for path in sorted(MAILS.glob("*.txt")))
"""Every mail that can be sent, as its job is called."""


class Letters:
    """Writes letters from ``sender``, about the service at ``public_url``."""

    def __init__(self, *, sender: str, public_url: str) -> None:
        self._sender, self._public_url = sender, public_url
        self._domain = sender.rpartition("@")[2].rstrip(">") or urlsplit(public_url).hostname

    def write(self, job: TakenJob) -> EmailMessage:
        """Return the message; its id and date are the job's, so that whoever gets it twice can tell.

        Raises:
            Error: of kind INVALID_REQUEST, when the address is none.
        """
        template = TEMPLATES.get_template(f"{job.kind.removeprefix('mail.')}.txt")
        subject, *paragraphs = template.render(job.payload, public_url=self._public_url).strip().split("\n\n")
        message = EmailMessage(policy=SMTP)
        message["From"] = self._sender
        message["To"] = _address(job.payload["to"])
        message["Subject"] = subject
        message["Date"] = job.create_time
        message["Message-ID"] = f"<{job.id}@{self._domain}>"
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office notice is wanted
        message.set_content("\n\n".join(paragraphs) + "\n")
        html = TEMPLATES.get_template("layout.html").render(subject=subject, paragraphs=paragraphs)
        message.add_alternative(html, subtype="html")
        return message


def _address(text: str) -> Address:
    """Return the one address that a text is; line breaks, lists and comments are none."""
    try:
        return Address(addr_spec=text)
    except (ValueError, IndexError, HeaderParseError) as error:
        raise errs.E("mail.write", kind=errs.Kind.INVALID_REQUEST) from error
