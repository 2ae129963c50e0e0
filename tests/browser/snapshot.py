"""Panels as a kernel shows them, on a page without one: all their controls are drawn, and nobody answers."""

from __future__ import annotations

import base64
import gzip
import json
import re
from collections.abc import Mapping
from pathlib import Path

import soupwidgets as sw
from soupwidgets import Evaluator
from soupwidgets.panel.front_end import STATIC, front_end, plotly_javascript, style
from soupwidgets.panel.panel import Panel
from soupwidgets.topics.augmentation import read_augmentation_study, read_variant_study
from soupwidgets.topics.review.session import ReviewSession
from soupwidgets.topics.review.storage import ReviewStore
from soupwidgets.topics.spectrum import read_label_noise_study
from tests.browser.jupyter import ROOT

_STUDIES = ROOT / "data" / "studies"
_TOLD = (
    "title",
    "language",
    "phrases",
    "controls",
    "view",
    "filled",
    "error",
    "running",
    "bookmarks",
    "asked",
    "heard",
)
_PAGE = """
const packed = Uint8Array.from(atob(document.getElementById("plotly").textContent), (letter) => letter.charCodeAt(0));
const panels = {};
for (const [name, values] of Object.entries(JSON.parse(document.getElementById("content").textContent))) {
  const told = new Map();
  const fire = (event, ...rest) => (told.get(event) ?? []).forEach((tell) => tell(...rest));
  const model = {
    get: (trait) => values[trait], set: (trait, value) => (values[trait] = value), off: () => {},
    save_changes: () => (values.heard = values.asked),
    on: (event, tell) => told.set(event, [...(told.get(event) ?? []), tell]),
    send: ({ kind }) => kind === "plotly" && setTimeout(() => fire("msg:custom", { kind }, [packed])),
  };
  const el = document.createElement("div");
  el.id = name;
  document.getElementById("panel").append(el);
  panels[name] = { values, fire };
  render({ model, el });
}
// What a kernel does when it has something to tell, and what the reader has set.
globalThis.valuesOf = (name) => panels[name].values;
globalThis.tell = (name, changes) => {
  Object.assign(panels[name].values, changes);
  for (const trait in changes) panels[name].fire(`change:${trait}`);
};
"""


def write_snapshot(path: Path, panels: Mapping[str, Panel]) -> Path:
    """Write one page with all of them; each stands in an element with its name as the id."""
    told = {
        name: {trait: getattr(panel, trait) for trait in (*_TOLD, *panel._controls)} for name, panel in panels.items()
    }
    parts = {
        "title": "Panels",
        "language": "en",
        "style": style(),
        "front_end": front_end().replace("export default { render };", ""),
        "page": _PAGE,
        "content": json.dumps(told).replace("<", "\\u003c"),
        "plotly": base64.b64encode(gzip.compress(plotly_javascript().encode())).decode(),
    }
    template = (STATIC / "page.html").read_text("utf-8")
    path.write_text(re.sub(r"\{\{(\w+)\}\}", lambda place: parts[place[1]], template), "utf-8")
    return path


def explorers(ev: Evaluator, folder: Path) -> dict[str, Panel]:
    """All of them, with everything that they can show."""
    models = sw.diversity.members(ev, progress=False)
    session = ReviewSession.create(ReviewStore(folder / "reviews.sqlite"), ev.suite, "test")
    embedded = sw.mistakes.embeddings(ev, "test", progress=False)
    noise = read_label_noise_study(_STUDIES / "label-noise.json")
    study = read_augmentation_study(_STUDIES / "augmentations.json")
    variants = read_variant_study(_STUDIES / "augmentation-variants.json")
    made: dict[str, Panel] = {
        "alpha": sw.widgets.AlphaExplorer(ev, "ft-03", alphas=3),
        "mixer": sw.widgets.SoupMixer(ev),
        "frontier": sw.widgets.FrontierExplorer(ev),
        "pareto": sw.widgets.ParetoExplorer(ev, ["zero-shot", "ft-03"]),
        "landscape": sw.widgets.LandscapeExplorer(ev, grid=3),
        "diagnosis": sw.widgets.DiagnosisExplorer(ev),
        "diversity": sw.widgets.DiversityExplorer(models, ev.suite, ev=ev),
        "reviewer": sw.widgets.MistakeReviewer(models, ev.suite, session=session, embedded=embedded),
        "spectrum": sw.widgets.SpectrumExplorer(ev, "ft-03", alphas=3, pairs=12, samples=16, noise=noise),
        "augmentation": sw.widgets.AugmentationExplorer(study, ev.suite, ev=ev, alphas=2, variants=variants),
    }
    for panel in made.values():
        panel.wait(background=True)
    # One of its pictures is shown large.
    alpha = made["alpha"]
    alpha.state = {"image": alpha.view["strips"][0]["pictures"][0]["key"]}
    alpha.wait()
    assert [strip["large"] for strip in alpha.view["strips"]] == [True, False]
    return made
