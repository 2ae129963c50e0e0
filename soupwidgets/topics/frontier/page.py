"""A frontier as one self-contained page, with a slider over the shifts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import plotly.graph_objects as go

from soupwidgets.figures.patch import Patch
from soupwidgets.panel.frames_page import Frame, PageTexts, write_frames_page
from soupwidgets.panel.html import progress
from soupwidgets.stats.scales import Scale
from soupwidgets.topics.frontier import figures
from soupwidgets.topics.frontier.models import Frontier
from soupwidgets.topics.frontier.point import FrontierPoint
from soupwidgets.topics.frontier.robustness import Baseline

Context = tuple[Mapping[str, FrontierPoint], Baseline | None]


def write_frontier_page(
    path: str | Path,
    suite: str,
    result: Frontier,
    context: Mapping[str | None, Context],
    scale: Scale,
    colour: str | None,
) -> Path:
    """Write the page.

    Parameters
    ----------
    path
        The file to write; replaced as a whole if it is there.
    suite
        Its name.
    result
        The models.
    context
        Shift (None for the mean of all) to models of others and the baseline there: the slider's positions.
    scale, colour
        As in `figures.models`.

    Returns
    -------
    Path
        The same path.
    """
    drawn = {
        shift: figures.models(result, shift, scale, colour, baseline, others)
        for shift, (others, baseline) in context.items()
    }
    uids = {trace.uid for figure in drawn.values() for trace in figure.data}
    # Every frame names every trace, so the first figure must have those of all.
    first = max(drawn.values(), key=lambda figure: len(figure.data))
    names = ["mean of all shifts" if shift is None else shift for shift in drawn]
    frames = [
        Frame(name, [_patch(figure, uids)], progress(f"vertical axis: {name}", 1, 1))
        for name, figure in zip(names, drawn.values(), strict=True)
    ]
    texts = PageTexts(
        title=f"{suite}: accuracy against robustness",
        intro="Every model that was measured. Move the slider to see another distribution shift on the vertical axis "
        '(robust fine-tuning, <a href="https://arxiv.org/abs/2109.01903">arXiv 2109.01903</a>).',
        label="distribution shift",
        low=names[0],
        high=names[-1],
    )
    return write_frames_page(path, texts, [first], frames, 0)


def _patch(figure: go.Figure, uids: set[str]) -> Patch:
    """The whole figure as what moves in another one of the same traces."""
    plain = figure.to_plotly_json()
    traces: dict[str, dict[str, Any]] = {
        trace["uid"]: {k: v for k, v in trace.items() if k not in ("uid", "type")} for trace in plain["data"]
    }
    for uid in uids - set(traces):
        traces[uid] = {"x": [None], "y": [None]}
    layout = {k: plain["layout"][k] for k in ("xaxis", "yaxis", "meta")}
    return {"traces": traces, "layout": {**layout, "annotations": plain["layout"].get("annotations", [])}}
