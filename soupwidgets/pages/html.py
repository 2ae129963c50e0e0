"""The pages of a site as HTML: what is shown around the panels, and the front end within."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from soupwidgets.evaluation import Evaluator
from soupwidgets.pages.panels import Page
from soupwidgets.panel.front_end import STATIC as PANEL
from soupwidgets.panel.front_end import front_end, style
from soupwidgets.panel.recording import filled_in, in_script

STATIC = Path(__file__).parent / "static"
_NAMES = {"alpha": "Drag alpha", "soup": "Mix a soup", "landscape": "Walk on a landscape"}


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
    parts = {
        "title": escape(_NAMES[page.name]),
        "question": escape(page.question),
        "lead": escape(f"{page.question} {page.lead}"),
        "links": _links(page, pages),
        "look": _look(),
        "style": style(),
        "about": _about(own, ev, page.checkpoints),
        "page": in_script(told),
        "script": "\n".join([front, *(path.read_text("utf-8") for path in scripts)]),
    }
    return filled_in(STATIC / "page.html", parts)


def index_html(pages: Sequence[Page], sizes: Mapping[str, int], own: Evaluator, ev: Evaluator) -> str:
    """The first page: what this is, the way to the others, and what the numbers are."""
    cards = [
        f'<li><a href="{page.name}.html"><h2>{_NAMES[page.name]}</h2><p>{escape(page.question)}</p>'
        f"<p>{len(page.checkpoints)} models, {sizes[page.name] / 1e6:.1f} MB</p></a></li>"
        for page in pages
    ]
    lead = (
        f"Models for {own.suite.name}, to be mixed by their weights. Every mixture that you choose is "
        "computed and measured in your browser, on the images that come with the page; nothing is sent anywhere, and "
        "once a page has been loaded it works without a network."
    )
    models = list(dict.fromkeys(name for page in pages for name in page.checkpoints))
    parts = {
        "title": escape(f"{own.suite.name}: mixing models"),
        "lead": escape(lead),
        "look": _look(),
        "cards": "\n".join(cards),
        "about": _about(own, ev, models),
    }
    return filled_in(STATIC / "index.html", parts)


def _look() -> str:
    return (STATIC / "look.css").read_text("utf-8")


def _links(page: Page, pages: Sequence[Page]) -> str:
    links = ['<a href="index.html">About</a>']
    for one in pages:
        current = ' aria-current="page"' if one is page else ""
        links.append(f'<a href="{one.name}.html"{current}>{_NAMES[one.name]}</a>')
    return "".join(links)


def _about(own: Evaluator, ev: Evaluator, models: Sequence[str]) -> str:
    """Which models and images, and what an interval is."""
    splits = own.suite.splits
    images = sum(len(split) for split in splits.values())
    sizes = {name: f"{len(split):,} of {len(ev.suite.splits[name]):,}" for name, split in splits.items()}
    about = {
        "Models": ", ".join(models),
        "Images": f"{images:,}, a random sample of each split: "
        + ", ".join(f"{name} ({size})" for name, size in sizes.items()),
        "Recorded": "the curves, the presets and the pictures of the plane were measured by Python when this site was "
        "exported, on these same images; so their numbers are those of the page, and not of all images",
        "Intervals": "95% by Clopper and Pearson: where the accuracy on all images of the kind may be. Choose by "
        "validation; the test and the shifts only report",
    }
    rows = "".join(f"<dt>{name}</dt><dd>{escape(words)}</dd>" for name, words in about.items())
    return f"<dl>{rows}</dl>"
