"""Configuration of Sphinx. ``make docs`` builds without network, with warnings as errors."""

import re
import sys
import tomllib
from pathlib import Path

TREE = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(Path(__file__).resolve().parent))
PROJECT = tomllib.loads((TREE / "pyproject.toml").read_text(encoding="utf-8"))["project"]

project = PROJECT["name"].capitalize()
version = release = re.findall(
    r'(?m)^VERSION: Final = "(.*)"$', (TREE / "app/config/__init__.py").read_text(encoding="utf-8")
)[0]
extensions = ["myst_parser", "sphinx_extensions.diagrams", "sphinx_extensions.source_links"]
exclude_patterns = ["README.md", "requirements.*"]
needs_sphinx = "9.0"

html_theme = "furo"
html_title = f"{project} {version}"
html_copy_source = False
html_show_sphinx = False
html_show_copyright = False
html_static_path = ["static"]
html_css_files = ["docs.css"]
html_theme_options = {"top_of_page_buttons": []}
html_permalinks_icon = "#"

# Anchors as forges make them: a link to page.md#a-heading works in both.
myst_heading_anchors = 4
myst_enable_extensions = ["colon_fence", "substitution"]
myst_fence_as_directive = ["mermaid"]
myst_substitutions = {"product": project}

# http, not_a_lexer and transcripts with output that no lexer accepts are shown without colors.
suppress_warnings = ["misc.highlighting_failure"]
highlight_language = "none"
nitpicky = True

# The repository on a forge, such as https://git.example.com/candor/blob/main; links to files outside docs/ lead there.
# Without it they are shown as text.
repository_url = ""
