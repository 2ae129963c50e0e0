"""``live``: a page of an exported site within a page, to be used without a kernel.

The site is of the models and images that are installed along. It is exported into build/live, and again only when the
package or what it draws and computes with is another.
"""

from __future__ import annotations

import hashlib
import shutil
from html import escape
from importlib.metadata import version
from pathlib import Path

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

import soupwidgets as sw
from soupwidgets.pages.workshop import write_workshop

FINE_TUNED = ["ft-03", "ft-00", "ft-08"]
EXAMPLES = 200


class Live(SphinxDirective):
    """A page of the exported site; its title is what the frame is called by a screen reader."""

    required_arguments = 1
    has_content = True
    option_spec = {"height": directives.positive_int}  # noqa: RUF012 - as docutils declares it

    def run(self) -> list[nodes.Node]:
        """Give the frame, and below it a link to what is in it."""
        page, title = self.arguments[0], " ".join(self.content)
        site = Path(self.config.live_site)
        if not (site / f"{page}.html").is_file():
            there = ", ".join(sorted(path.stem for path in site.glob("*.html")))
            raise self.error(f"there is no live page {page!r}: {there}")
        if not title:
            raise self.error("a live page needs a title, as the directive's content")
        address = "../" * self.env.docname.count("/") + f"live/{page}.html"
        frame = (
            f'<div class="live"><iframe src="{address}" title="{escape(title)}" loading="lazy" '
            f'style="height: {self.options.get("height", 1000)}px"></iframe>'
            f'<p><a href="{address}">This panel as a page of its own</a></p></div>'
        )
        return [nodes.raw("", frame, format="html")]


def inputs(workshop: Path, baselines: Path) -> str:
    """A hash of all that an exported site is made of."""
    package = Path(sw.__file__).parent
    found = hashlib.sha256(repr([FINE_TUNED, EXAMPLES]).encode())
    for path in [baselines, *sorted(workshop.glob("*/*.json"))]:
        found.update(path.read_bytes())
    for name in ("torch", "numpy", "onnx", "plotly"):
        found.update(f"{name} {version(name)}\n".encode())
    for path in sorted(package.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            found.update(f"{path.relative_to(package)}\n".encode())
            found.update(path.read_bytes())
    return found.hexdigest()


def export(app: Sphinx) -> None:
    """Write the site into the folder of its inputs' hash, unless it is there."""
    folder = Path(app.srcdir, "build", "live")
    workshop, baselines = (
        Path(app.srcdir, "notebooks", "workshop"),
        Path(app.srcdir, "data", "baselines", "fashion.csv"),
    )
    target = folder / inputs(workshop, baselines)
    if not target.exists():
        shutil.rmtree(folder, ignore_errors=True)
        pool, suite = sw.demo()
        ev = sw.Evaluator(pool, suite, device="cpu", precision="float32")
        whole = folder / "unfinished"
        sw.export_site(whole, ev, fine_tuned=FINE_TUNED, examples=EXAMPLES, accept_mb=10, progress=False)
        languages = sorted({path.parent for path in workshop.glob("*/*.json")})
        write_workshop(whole, languages, ev, fine_tuned=FINE_TUNED, baselines=baselines)
        whole.rename(target)
    app.config.live_site = target


def copy(app: Sphinx, error: Exception | None) -> None:
    """Beside the pages."""
    if error is None:
        beside = Path(app.outdir, "live")
        shutil.rmtree(beside, ignore_errors=True)
        shutil.copytree(app.config.live_site, beside)


def setup(app: Sphinx) -> dict[str, bool]:
    """Export before the pages are read, copy when they are written."""
    app.add_directive("live", Live)
    app.add_config_value("live_site", None, "")
    app.connect("builder-inited", export)
    app.connect("build-finished", copy)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
