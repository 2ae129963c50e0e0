"""The pages of a site as HTML: what is shown around the panels, and the front end within."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from soupwidgets.evaluation import Evaluator
from soupwidgets.pages.panels import Page
from soupwidgets.panel.front_end import STATIC as PANEL
from soupwidgets.panel.front_end import front_end, phrases, style
from soupwidgets.panel.recording import filled_in, in_script
from soupwidgets.translation import N_, current_language, grouped
from soupwidgets.translation import gettext as _

STATIC = Path(__file__).parent / "static"
_NAMES = {"alpha": N_("Drag alpha"), "soup": N_("Mix a soup"), "landscape": N_("Walk on a landscape")}


def page_html(page: Page, pages: Sequence[Page], told: Mapping[str, Any], own: Evaluator, ev: Evaluator) -> str:
    """The page of a panel.

    Parameters
    ----------
    pages
        All of the site, for the links.
    told
        What its script is told: its files.
    own, ev
        Evaluators of the exported images, and of all of them.
    """
    scripts = [PANEL / f"{name}.js" for name in ("rounding", "recorded")]
    scripts += [STATIC / f"{name}.js" for name in ("numbers", page.name, "live")]
    front = front_end().replace("export default { render };", "")
    script = "\n".join([front, *(path.read_text("utf-8") for path in scripts)])
    parts = {
        "language": escape(current_language()),
        "pages": escape(_("Pages")),
        "loading": escape(_("Loading what was measured\u2026")),
        "no_disk": in_script(
            _(
                "A browser lets no page read the files beside it from a disk: run \u201cpython -m http.server\u201d in "
                "this folder, and open http://localhost:8000."
            )
        ),
        "title": escape(_(_NAMES[page.name])),
        "question": escape(page.question),
        "lead": escape(f"{page.question} {page.lead}"),
        "links": _links(page, pages),
        "look": _look(),
        "style": style(),
        "about": _about(own, ev, page.checkpoints),
        "page": in_script({**told, "phrases": phrases(script)}),
        "script": script,
    }
    return filled_in(STATIC / "page.html", parts)


def index_html(pages: Sequence[Page], sizes: Mapping[str, int], own: Evaluator, ev: Evaluator) -> str:
    """The first page: what this is, the way to the others, and what the numbers are."""
    size = _("{count} models, {megabytes} MB")
    cards = [
        f'<li><a href="{page.name}.html"><h2>{escape(_(_NAMES[page.name]))}</h2><p>{escape(page.question)}</p>'
        f"<p>{escape(size.format(count=len(page.checkpoints), megabytes=f'{sizes[page.name] / 1e6:.1f}'))}</p></a></li>"
        for page in pages
    ]
    lead = _(
        "Models for {suite}, to be mixed by their weights. Every mixture that you choose is "
        "computed and measured in your browser, on the images that come with the page; nothing is sent anywhere, and "
        "once a page has been loaded it works without a network."
    ).format(suite=own.suite.name)
    models = list(dict.fromkeys(name for page in pages for name in page.checkpoints))
    parts = {
        "language": escape(current_language()),
        "numbers": escape(_("The numbers")),
        "title": escape(_("{suite}: mixing models").format(suite=own.suite.name)),
        "lead": escape(lead),
        "look": _look(),
        "cards": "\n".join(cards),
        "about": _about(own, ev, models),
    }
    return filled_in(STATIC / "index.html", parts)


def _look() -> str:
    return (STATIC / "look.css").read_text("utf-8")


def _links(page: Page, pages: Sequence[Page]) -> str:
    about = _("About")
    links = [f'<a href="index.html">{escape(about)}</a>']
    for one in pages:
        current = ' aria-current="page"' if one is page else ""
        links.append(f'<a href="{one.name}.html"{current}>{escape(_(_NAMES[one.name]))}</a>')
    return "".join(links)


def _about(own: Evaluator, ev: Evaluator, models: Sequence[str]) -> str:
    """Which models and images, and what an interval is."""
    splits = own.suite.splits
    images = sum(len(split) for split in splits.values())
    sizes = {
        name: _("{count} of {all}").format(count=grouped(len(split)), all=grouped(len(ev.suite.splits[name])))
        for name, split in splits.items()
    }
    sample = _("{images}, a random sample of each split: {sizes}")
    about = {
        _("Models"): ", ".join(models),
        _("Images"): sample.format(
            images=grouped(images), sizes=", ".join(f"{name} ({size})" for name, size in sizes.items())
        ),
        _("Recorded"): _(
            "the curves, the presets and the pictures of the plane were measured by Python when this site was "
            "exported, on these same images; so their numbers are those of the page, and not of all images"
        ),
        _("Intervals"): _(
            "95% by Clopper and Pearson: where the accuracy on all images of the kind may be. Choose by "
            "validation; the test and the shifts only report"
        ),
    }
    rows = "".join(f"<dt>{escape(name)}</dt><dd>{escape(words)}</dd>" for name, words in about.items())
    return f"<dl>{rows}</dl>"
