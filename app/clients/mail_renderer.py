"""Letters: a job of the kind ``mail.…`` becomes a message, in text and HTML, always the same for the same job."""

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

MAILS: Final = Path(__file__).parent / "mails"
TEMPLATES: Final = Environment(
    loader=FileSystemLoader(MAILS),
    undefined=StrictUndefined,
    autoescape=select_autoescape(["html"]),
    trim_blocks=True,
    lstrip_blocks=True,
)
KINDS: Final = tuple(f"mail.{path.stem}" for path in sorted(MAILS.glob("*.txt")))
"""Every mail that can be sent, as its job is called."""
MAX_NAME_LENGTH: Final = 40
"""Characters of a name that a mail shows."""
_FULL_STOP: Final = re.compile(r"\.(?!\s|$)")


class MailRenderer:
    """Writes letters from ``sender``, about the service at ``public_url``.

    Args:
        sender: what stands in From.
        public_url: where the service is.
        links: by kind of mail, the address of the page that takes its token, with ``{token}`` in the token's place.
    """

    def __init__(self, *, sender: str, public_url: str, links: Mapping[str, str] | None = None) -> None:
        self._sender, self._public_url, self._links = sender, public_url, links or {}
        self._domain = sender.rpartition("@")[2].rstrip(">") or urlsplit(public_url).hostname

    def render(self, job: ClaimedJob) -> EmailMessage:
        """Return the message; its id and date are the job's, so that whoever gets it twice can tell.

        Raises:
            Error: of kind INVALID_REQUEST, when the address is none.
        """
        name, values = job.kind.removeprefix("mail."), self._values(job)
        subject, _, text = TEMPLATES.get_template(f"{name}.txt").render(values).strip().partition("\n")
        message = EmailMessage(policy=SMTP)
        message["From"] = self._sender
        message["To"] = _address(job.payload["to"])
        message["Subject"] = subject
        message["Date"] = job.create_time
        message["Message-ID"] = f"<{job.id}@{self._domain}>"
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office notice is wanted
        message.set_content(text.strip() + "\n")
        html = TEMPLATES.get_template(f"{name}.html").render(values, subject=subject)
        message.add_alternative(html, subtype="html")
        return message

    def _values(self, job: ClaimedJob) -> dict[str, str]:
        """Return what the templates may use."""
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
    """Return as much of a name as cannot be a message of its own: its beginning, letters and what joins them.

    Anybody can register any address under any name. Digits, slashes and full stops within a word are left out, and with
    them telephone numbers and whatever a mail program would turn into a link.
    """
    kept = "".join(each if _is_name_character(each) else "…" for each in _FULL_STOP.sub("…", name))
    kept = re.sub(r"…+", "…", " ".join(kept.split()))
    return kept if len(kept) <= MAX_NAME_LENGTH else f"{kept[: MAX_NAME_LENGTH - 1].rstrip()}…"


def _is_name_character(character: str) -> bool:
    return unicodedata.category(character)[0] in "LM" or character.isspace() or character in ".'’-…"


def _formatted(moment: datetime) -> str:
    """Return a moment as people read it, whatever the locale of this process is."""
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
    """Return the one address that a text is; line breaks, lists and comments are none."""
    try:
        return Address(addr_spec=text)
    except (ValueError, IndexError, HeaderParseError) as error:
        raise errs.E("mail.write", kind=errs.Kind.INVALID_REQUEST) from error
