"""Links from the service's pages to the documentation (``DOCUMENTATION_URL``), or the names of documentation files."""

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
    """Return the address of the documentation, or ``None`` if it is not served."""
    url: str = current_app.config[SETTING]
    return f"{url}/index.html" if url else None


def link(template: str, code: str = "") -> str | None:
    """Return the address of the page about an error or violation, or ``None`` if the documentation is not served."""
    url: str = current_app.config[SETTING]
    anchor = "#" + code.lower().replace("_", "-") if code else ""
    return f"{url}/{REFERENCE[template]}.html{anchor}" if url else None


def source(template: str, code: str = "") -> str:
    """Return the path of that page's source in the repository, with its heading."""
    return f"docs/{REFERENCE[template]}.md" + (f"#{code.lower()}" if code else "")


def external(url: str) -> dict[str, dict[str, str]]:
    """Return ``externalDocs`` of OpenAPI, or an empty dict without an address."""
    return {"externalDocs": {"description": "Documentation", "url": f"{url}/index.html"}} if url else {}
