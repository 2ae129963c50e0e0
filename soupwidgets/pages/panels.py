"""The pages of a site: which panel each shows, what is recorded of it, and what its script needs to move it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from soupwidgets.evaluation import Evaluator
from soupwidgets.evaluation.axis_names import split_label
from soupwidgets.evaluation.evaluation import NORMAL_95
from soupwidgets.pages.limits import limit_tables
from soupwidgets.panel.examples import examples_word, has_pictures
from soupwidgets.panel.recording import recorded_content
from soupwidgets.topics.alpha.flip_strips import FOLLOWED
from soupwidgets.topics.alpha.panel import AlphaExplorer
from soupwidgets.topics.landscape.panel import LandscapeExplorer
from soupwidgets.topics.soup.panel import SoupMixer
from soupwidgets.translation import gettext as _

# A drag goes over mixtures that nobody has recorded.
_STEP = 0.01
# Methods of the mixer that are recorded: coefficients that need nothing but measurements.
_METHODS = ("uniform", "greedy")


@dataclass(frozen=True)
class Page:
    """One page.

    Parameters
    ----------
    name
        Of its file and its script.
    question, lead
        What it answers, and what a first-time visitor can do.
    checkpoints
        Those that it mixes.
    content
        As `recorded_content`, with ``live``: what its script needs.
    """

    name: str
    question: str
    lead: str
    checkpoints: Sequence[str]
    content: dict[str, Any]


def alpha_page(ev: Evaluator, fine_tuned: str) -> Page:
    """Along alpha, from the zero-shot to one fine-tuned model."""
    start = ev.pool.zero_shot
    panel = AlphaExplorer(ev, fine_tuned)
    try:
        content = recorded_content(panel, {"fine_tuned": fine_tuned}, edited=_with_images_elsewhere)
    finally:
        panel.close()
    for control in content["controls"]:
        if control["name"] == "alpha":
            control["step"] = _STEP
    splits = ev.suite.splits.values()
    own = {
        "zero_shot": start,
        "fine_tuned": fine_tuned,
        "alphas": content["varied"]["alpha"],
        "classes": {split.name: list(ev.suite.class_names(split.name)) for split in splits},
        "pictures": all(has_pictures(split) for split in splits),
    }
    question = _("What happens between a model before and after fine-tuning?")
    lead = _(
        "Drag alpha, or type any number: the weights of {zero_shot} (alpha 0) and {fine_tuned} (alpha 1) are mixed and "
        "measured in this page. Watch accuracy in distribution (ID) and under distribution shift (OOD), and the images "
        "whose prediction flips."
    ).format(zero_shot=start, fine_tuned=fine_tuned)
    return _page("alpha", ev, (start, fine_tuned), question, lead, content, own, controls=["alpha"])


def soup_page(ev: Evaluator, ingredients: Sequence[str]) -> Page:
    """A soup of any coefficients."""
    panel = SoupMixer(ev, ingredients)
    try:
        made = panel.do("greedy")
        panel.state = made
        steps = len(panel.trace.steps) if panel.trace else 1
        panel.state = {**made, "method": "uniform"}
        varied: dict[str, list[Any]] = {
            "method": list(_METHODS),
            "step": list(range(1, steps + 1)),
            "shift": [None, *ev.suite.axes],
        }
        content = recorded_content(
            panel, {"coefficients": {}, "given": "", "of": made["of"]}, varied=varied, edited=_edited
        )
    finally:
        panel.close()
    question = _("Which mixture of several fine-tuned models is best?")
    lead = _(
        "Set the coefficients in the table, each with its slider or typed: the weights are mixed and measured in this "
        "page. The buttons are methods: the mean of all fine-tuned models (uniform), or one after the other as "
        "long as validation does not suffer (greedy)."
    )
    own = {"steps": steps}
    return _page("soup", ev, ingredients, question, lead, content, own, controls=["coefficients", "chosen", *_METHODS])


def landscape_page(ev: Evaluator, corners: Sequence[str]) -> Page:
    """A ring on the plane through three models."""
    panel = LandscapeExplorer(ev, corners)
    try:
        varied = {"quantity": ["loss", "error"], "look": ["contours", "surface"]}
        content = recorded_content(panel, {"scope": "all", "point": None}, varied=varied, edited=_edited)
        plane = panel.plane
        start = panel.place
        marks = [[mark.place.x, mark.place.y] for mark in panel.marks.values() if mark.place.off == 0]
    finally:
        panel.close()
    origin, along, up = (plane.at(*place) for place in ((0, 0), (1, 0), (0, 1)))
    own = {
        "plane": {
            "names": list(corners),
            "origin": [origin.get(name, 0.0) for name in corners],
            "u": [along.get(name, 0.0) - origin.get(name, 0.0) for name in corners],
            "v": [up.get(name, 0.0) - origin.get(name, 0.0) for name in corners],
        },
        "start": list(start),
        "places": marks,
        "normal": NORMAL_95,
    }
    question = _("What lies between three models?")
    lead = _(
        "Every point of the plane is a mixture of the three models. Drag the ring, or move it with the arrow keys: the "
        "model under it is mixed and measured in this page, on every split."
    )
    return _page("landscape", ev, corners, question, lead, content, own, controls=["point", "onwards"])


def _page(
    name: str,
    ev: Evaluator,
    checkpoints: Sequence[str],
    question: str,
    lead: str,
    content: dict[str, Any],
    own: dict[str, Any],
    *,
    controls: list[str],
) -> Page:
    known = ev.evaluate(checkpoints[0])
    live = {
        "splits": [
            {"name": split, "role": score.role, "label": split_label(known, split)}
            for split, score in known.scores.items()
        ],
        "limits": limit_tables(ev.suite.splits.values()),
        "columns": {split.name: _columns(split.scoring.class_map) for split in ev.suite.splits.values()},
        "examples": examples_word(ev.suite),
        "ready": _("Any mixture is measured in this page."),
        "controls": controls,
        **own,
    }
    # A recording does not offer what it cannot vary, and the page can.
    drawn = [one | ({"hidden": False} if one["name"] in controls else {}) for one in content["controls"]]
    return Page(name, question, lead, tuple(checkpoints), {**content, "controls": drawn, "live": live})


def _edited(view: dict[str, Any]) -> dict[str, Any]:
    # The code of a panel measures whole splits, and these are samples of them.
    return {**view, "code": ""}


def _with_images_elsewhere(view: dict[str, Any]) -> dict[str, Any]:
    """The engine has the images of a strip; and no image is followed along alpha, for its path was not recorded."""
    strips = [
        {**strip, "sets": None, "title": strip["title"].removesuffix(_(FOLLOWED)),
         "pictures": [{**picture, "image": None} for picture in strip["pictures"]]}
        for strip in view["strips"]
    ]  # fmt: skip
    return {**_edited(view), "strips": strips}


def _columns(class_map: Any) -> list[list[int]] | None:
    return None if class_map is None else [list(columns) for columns in class_map.columns]
