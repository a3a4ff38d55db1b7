"""Links from the pages of a running service to the documentation (``DOCUMENTATION_URL``), or names of its pages."""

from collections.abc import Mapping
from typing import Final

from flask import current_app

SETTING: Final = "DOCUMENTATION_URL"
REFERENCE: Final[Mapping[str, str]] = {
    "error": "reference/errors",
    "violation": "reference/violations",
    "errors": "reference/errors",
    "violations": "reference/violations",
}


def home() -> str | None:
    """Return the address of the documentation; ``None`` where it is not served."""
    url: str = current_app.config[SETTING]
    return f"{url}/index.html" if url else None


def link(template: str, code: str = "") -> str | None:
    """Return the address of the page about an error or violation; ``None`` where the documentation is not served."""
    url: str = current_app.config[SETTING]
    anchor = "#" + code.lower().replace("_", "-") if code else ""
    return f"{url}/{REFERENCE[template]}.html{anchor}" if url else None


def source(template: str, code: str = "") -> str:
    """Return the source of that page in the repository, with its heading."""
    return f"docs/{REFERENCE[template]}.md" + (f"#{code.lower()}" if code else "")


def external(url: str) -> dict[str, dict[str, str]]:
    """Return ``externalDocs`` of OpenAPI; nothing without an address of the documentation."""
    return {"externalDocs": {"description": "Documentation", "url": f"{url}/index.html"}} if url else {}
