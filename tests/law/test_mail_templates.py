"""Every email has a text and HTML, which use only variables that the renderer gives."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from uuid import UUID

from jinja2 import meta, nodes

from app.clients.mail_renderer import MAILS, TEMPLATES, MailRenderer
from app.models.jobs import ClaimedJob

LAYOUT: Final = "layout.html"
JOB: Final = ClaimedJob(
    UUID(int=0), "mail.activation", {"to": "a@example.com"}, 1, 1, None, None, datetime(2026, 11, 21, tzinfo=UTC)
)
VARIABLES: Final = {*MailRenderer(sender="a@example.com", public_url="https://example.com")._values(JOB), "subject"}

MACROS: Final = {each.name for each in TEMPLATES.parse((MAILS / LAYOUT).read_text()).find_all(nodes.Macro)}


def templates() -> Iterator[Path]:
    """Yield the templates."""
    yield from sorted(path for path in MAILS.iterdir() if path.suffix in {".txt", ".html"})


def test_templates_use_known_variables() -> None:
    faults = [
        f"{path.name} in app/clients/mail_templates uses the unknown variable {{{{ {name} }}}}: write one of"
        f" {', '.join(sorted(VARIABLES))}, or add it to MailRenderer._values"
        for path in templates()
        for name in sorted(meta.find_undeclared_variables(TEMPLATES.parse(path.read_text())) - VARIABLES - MACROS)
    ]
    assert not faults, "\n".join(faults)


def test_each_email_has_a_text_and_html() -> None:
    names = {path.name for path in templates()} - {LAYOUT}
    lacking = {f"{Path(name).stem}{suffix}" for name in names for suffix in (".txt", ".html")} - names
    assert lacking == set(), "add these files to app/clients/mail_templates"
