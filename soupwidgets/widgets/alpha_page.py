"""A sweep as one self-contained page: no kernel, no network, the slider still works."""

from __future__ import annotations

import json
import re
from html import escape
from pathlib import Path
from typing import Any

import plotly.graph_objects as go

from soupwidgets import plots
from soupwidgets.checkpoints import atomic_path
from soupwidgets.evaluation import Evaluator
from soupwidgets.methods import Sweep
from soupwidgets.widgets.alpha_flips import flips_near
from soupwidgets.widgets.live_figure import STATIC, plotly_javascript


def write_alpha_page(path: str | Path, ev: Evaluator, sweep: Sweep, alpha: float, shift: str | None) -> Path:
    """Write the page.

    Parameters
    ----------
    path
        The file to write; replaced as a whole if it is there.
    ev
        Has the images that flip.
    sweep
        The alphas between which the page's slider moves.
    alpha
        Where the slider is at first: the nearest alpha of the sweep.
    shift
        The shift that is brought out; None for the mean of all.

    Returns
    -------
    Path
        The same path.
    """
    first = min(sweep.alphas, key=lambda a: abs(a - alpha))
    figures = [
        plots.alpha_frontier(sweep, first, sweep[first], shift),
        plots.alpha_curves(sweep, first, sweep[first], shift),
        plots.split_accuracies(sweep, first, sweep[first]),
    ]
    frames = [
        {
            "alpha": a,
            "patches": [
                plots.alpha_frontier_patch(sweep, a, sweep[a], shift),
                plots.alpha_curves_patch(sweep, a, sweep[a], shift),
                plots.split_accuracies_patch(sweep, a, sweep[a]),
            ],
            "flips": flips_near(ev, sweep.evaluations, a, shift),
        }
        for a in sweep.alphas
    ]
    title = f"{ev.suite.name}: from the zero-shot model to {sweep.fine_tuned}"
    state = {"figures": [_plain(figure) for figure in figures], "frames": frames, "at": sweep.alphas.index(first)}
    parts = {
        "title": escape(title),
        "zero_shot": escape(ev.pool.zero_shot),
        "fine_tuned": escape(sweep.fine_tuned),
        "last": str(len(frames) - 1),
        "style": (STATIC / "live_figure.css").read_text("utf-8") + (STATIC / "drag_slider.css").read_text("utf-8"),
        "live_figure": (STATIC / "live_figure.js").read_text("utf-8"),
        # Inside a script element only "<" could end it early.
        "state": json.dumps(state).replace("<", "\\u003c"),
        "plotly": plotly_javascript(),
    }
    template = (STATIC / "alpha_page.html").read_text("utf-8")
    # One pass: what is filled in is never searched for places to fill.
    page = re.sub(r"\{\{(\w+)\}\}", lambda place: parts[place[1]], template)
    with atomic_path(path) as temporary:
        temporary.write_text(page, "utf-8")
    return Path(path)


def _plain(figure: go.Figure) -> dict[str, Any]:
    return json.loads(json.dumps(figure.to_plotly_json()))  # type: ignore[no-any-return]
