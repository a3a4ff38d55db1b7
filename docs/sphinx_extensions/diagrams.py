"""Diagrams: a ``mermaid`` code block becomes SVG when the documentation is built.

Forges render Mermaid in Markdown, so the sources are readable there. ``mmdr`` renders the same text without a browser,
Node.js or network, and fails on a syntax error. Pages then need no JavaScript for diagrams.
"""

import re
from typing import Any

import mmdr
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

_ID = re.compile(r'(?<=["#(])merman\b')
_FONT = re.compile(r'"Recursive Variable",\s*arial')


class Mermaid(SphinxDirective):
    """Renders its content."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        """Return the diagram as SVG, with its source as text for readers of the source and for the search."""
        number = self.env.new_serialno("mermaid")
        name = f"diagram-{re.sub(r'[^a-z0-9]+', '-', self.env.docname)}-{number}"
        try:
            svg = mmdr.render("\n".join(self.content)).svg()
        except ValueError as fault:
            raise self.error(f"mermaid: {fault}") from fault
        svg = _FONT.sub("sans-serif, arial", _ID.sub(name, svg))
        return [nodes.raw("", f'<figure class="diagram">{svg}</figure>\n', format="html")]


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directive."""
    app.add_directive("mermaid", Mermaid)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
