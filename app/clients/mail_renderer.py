"""Rendering of emails: from a job of the kind ``mail.…`` to a message with text and HTML.

The same job always gives the same message.
"""

import re
import unicodedata
from collections.abc import Mapping
from datetime import UTC, datetime
from email.errors import HeaderParseError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from app import errs
from app.models.jobs import ClaimedJob

MAILS: Final = Path(__file__).parent / "mail_templates"
TEMPLATES: Final = Environment(
    loader=FileSystemLoader(MAILS),
    undefined=StrictUndefined,
    autoescape=select_autoescape(["html"]),
    trim_blocks=True,
    lstrip_blocks=True,
)
KINDS: Final = tuple(f"mail.{path.stem}" for path in sorted(MAILS.glob("*.txt")))
"""The job kinds of all emails."""
MAX_NAME_LENGTH: Final = 40
"""The maximum number of characters of a name that an email shows."""
_FULL_STOP: Final = re.compile(r"\.(?!\s|$)")


class MailRenderer:
    """Renders emails.

    Args:
        sender: the value of the From field.
        public_url: the URL of the service.
        links: by kind of email, the URL of the page that accepts its token. ``{token}`` is replaced by the token.
    """

    def __init__(self, *, sender: str, public_url: str, links: Mapping[str, str] | None = None) -> None:
        self._sender, self._public_url, self._links = sender, public_url, links or {}
        self._domain = sender.rpartition("@")[2].rstrip(">") or urlsplit(public_url).hostname

    def render(self, job: ClaimedJob) -> EmailMessage:
        """Return the message. Its Message-ID and Date are those of the job, which makes a duplicate detectable.

        Raises:
            Error: the address is invalid (kind INVALID_REQUEST).
        """
        name, values = job.kind.removeprefix("mail."), self._values(job)
        subject, _, text = TEMPLATES.get_template(f"{name}.txt").render(values).strip().partition("\n")
        message = EmailMessage(policy=SMTP)
        message["From"] = self._sender
        message["To"] = _address(job.payload["to"])
        message["Subject"] = subject
        message["Date"] = job.create_time
        message["Message-ID"] = f"<{job.id}@{self._domain}>"
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834: suppresses automatic replies
        message.set_content(text.strip() + "\n")
        html = TEMPLATES.get_template(f"{name}.html").render(values, subject=subject)
        message.add_alternative(html, subtype="html")
        return message

    def _values(self, job: ClaimedJob) -> dict[str, str]:
        """Return the variables of the templates."""
        token = job.payload.get("token", "")
        return {
            "to": job.payload["to"],
            "token": token,
            "link": self._links.get(job.kind, "").replace("{token}", token) if token else "",
            "public_url": self._public_url,
            "asked_at": _formatted(job.create_time),
            "name": displayed_name(job.payload.get("name", "")),
        }


def displayed_name(name: str) -> str:
    """Return a shortened name of letters and common punctuation, which can't carry a message to the recipient.

    Anyone can register any address under any name. Therefore digits, slashes and periods within a word are replaced,
    which removes telephone numbers and texts that a mail program would turn into a link.
    """
    kept = "".join(each if _is_name_character(each) else "…" for each in _FULL_STOP.sub("…", name))
    kept = re.sub(r"…+", "…", " ".join(kept.split()))
    return kept if len(kept) <= MAX_NAME_LENGTH else f"{kept[: MAX_NAME_LENGTH - 1].rstrip()}…"


def _is_name_character(character: str) -> bool:
    return unicodedata.category(character)[0] in "LM" or character.isspace() or character in ".'’-…"


def _formatted(moment: datetime) -> str:
    """Return a time in English for people, independent of the locale of the process."""
    utc = moment.astimezone(UTC)
    return f"{utc.day} {_MONTHS[utc.month - 1]} {utc:%Y} at {utc:%H:%M} UTC"


_MONTHS: Final = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)


def _address(text: str) -> Address:
    """Return the one address in a string. Line breaks, lists and comments are rejected."""
    try:
        return Address(addr_spec=text)
    except (ValueError, IndexError, HeaderParseError) as error:
        raise errs.E("mail.write", kind=errs.Kind.INVALID_REQUEST) from error
