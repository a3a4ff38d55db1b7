"""The generated pages of the reference by file name."""

from collections.abc import Callable, Mapping
from typing import Final

from tests.docs.generate import commands, errors, headers, http_api, limits, mistakes, observability, settings

PAGES: Final[Mapping[str, Callable[[], str]]] = {
    "alerts.md": observability.alerts_page,
    "cli.md": commands.page,
    "errors.md": errors.page,
    "header-fields.md": headers.page,
    "http-api.md": http_api.page,
    "limits.md": limits.page,
    "log-fields.md": observability.log_page,
    "make.md": commands.make_page,
    "mistakes.md": mistakes.page,
    "metrics.md": observability.page,
    "scopes.md": http_api.scopes_page,
    "settings.md": settings.page,
    "violations.md": errors.violations,
}


def reference() -> dict[str, str]:
    """Return the text of every page by file name."""
    return {name: page() for name, page in PAGES.items()}
