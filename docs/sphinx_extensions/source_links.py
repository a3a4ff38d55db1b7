"""Links to files of the repository outside ``docs/``: they lead to the forge, or are text without one."""

import re
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

_LINK = re.compile(r"(?<!!)\[((?:[^\[\]]|\[[^\[\]]*\])*)\]\((\.{1,2}/[^)\s#]*)(#[^)\s]*)?\)")
_FENCE = re.compile(r"^(?:```|~~~).*?^(?:```|~~~)\s*$", re.MULTILINE | re.DOTALL)


def _replace(app: Sphinx, docname: str, text: str) -> str:
    docs = Path(app.srcdir).resolve()
    page = docs / docname

    def link(found: re.Match[str]) -> str:
        words, path, anchor = found[1], found[2], found[3] or ""
        target = (page.parent / path).resolve()
        if target.is_relative_to(docs) and (target.suffix == ".md" or not target.exists()):
            return found[0]
        if not target.exists():
            return found[0]  # Sphinx reports it
        url = app.config.repository_url.rstrip("/")
        return f"[{words}]({url}/{target.relative_to(docs.parent).as_posix()}{anchor})" if url else words

    last, parts = 0, []
    for fence in _FENCE.finditer(text):
        parts += [_LINK.sub(link, text[last : fence.start()]), fence[0]]
        last = fence.end()
    return "".join([*parts, _LINK.sub(link, text[last:])])


def _read(app: Sphinx, docname: str, source: list[str]) -> None:
    source[0] = _replace(app, docname, source[0])


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect to the reading of sources."""
    app.add_config_value("repository_url", "", "env", [str])
    app.connect("source-read", _read)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
