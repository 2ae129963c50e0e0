"""The documentation's site: ``make docs`` builds it into build/docs, without a network."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE / "extensions")]

import soupwidgets  # noqa: E402 - of this checkout

project = "soupwidgets"
author = "The soupwidgets contributors"
release = soupwidgets.__version__
copyright = f"{author}, MIT licence"

# The source is the whole repository, so a link from docs/ to the README or a notebook is the same here and on a host.
root_doc = "docs/index"
include_patterns = ["docs/**", "README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "data/README.md"]
exclude_patterns = [".*", "build", "benchmarks", "packaging", "soupwidgets", "tests", "notebooks", "**/.*"]
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.autosummary", "numpydoc", "rooms", "backticks", "live"]

# Headings are anchors as on a host, and links may lead to them.
myst_heading_anchors = 4

# "!pip" of a notebook is no Python.
suppress_warnings = ["misc.highlighting_failure"]
# `Pool.open` in a docstring is a link where it can be one.
default_role = "py:obj"
nitpicky = True
# Types in signatures are those of annotations, which the type checker has looked at; theirs may be of other packages.
nitpick_ignore_regex = [("py:class", ".*"), ("py:obj", r"typing\..*")]
numpydoc_show_class_members = False
autosummary_generate = False
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
# An array is shown as it is written, and not as what the name stands for.
autodoc_type_aliases = {"NDArray": "NDArray"}
autodoc_preserve_defaults = True
toc_object_entries_show_parents = "hide"
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 100

html_theme = "pydata_sphinx_theme"
html_title = "soupwidgets"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_js_files = ["live.js"]
html_additional_pages = {"index": "to_front.html"}
templates_path = ["templates"]
# Pages without pages below them.
html_sidebars = {"docs/quick-start": [], "docs/index": [], "README": []}
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {
    "navbar_align": "left",
    "navbar_end": ["theme-switcher"],
    "show_prev_next": True,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "show_toc_level": 2,
}
