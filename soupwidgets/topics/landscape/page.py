"""A landscape as one self-contained page: the handle moves over the measured points, with no kernel."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

from soupwidgets.checkpoints import atomic_path
from soupwidgets.panel.live_figure import STATIC, joined, plotly_javascript
from soupwidgets.topics.landscape import figures
from soupwidgets.topics.landscape.marks import Mark
from soupwidgets.topics.landscape.plane import Landscape


def write_landscape_page(
    path: str | Path, suite: str, landscape: Landscape, marks: Mapping[str, Mark], point: tuple[float, float]
) -> Path:
    """Write the page.

    Parameters
    ----------
    path
        The file to write; replaced as a whole if it is there.
    suite
        Its name.
    landscape
        With at least one point measured.
    marks
        Models to mark.
    point
        Where the handle is at first.

    Returns
    -------
    Path
        The same path.
    """
    shape = landscape.loss.shape
    state = {
        "figures": {q: _plain(figures.contour(landscape, q, marks)) for q in ("loss", "error")},
        "x": landscape.x.tolist(),
        "y": landscape.y.tolist(),
        # JSON has no numbers that are not finite.
        "loss": [[_finite(value) for value in row] for row in landscape.loss.tolist()],
        "error": [[_finite(value) for value in row] for row in landscape.error.tolist()],
        "seen": landscape.seen.tolist(),
        "total": landscape.total,
        "split": landscape.split,
        "recipes": [[dict(landscape.recipe(i, j)) for j in range(shape[1])] for i in range(shape[0])],
        "at": list(point),
    }
    title = f"{suite}: the plane through {', '.join(landscape.plane.corners)}"
    parts = {
        "title": escape(title),
        "style": (STATIC / "live_figure.css").read_text("utf-8"),
        "scripts": joined("keys.js", "live_figure.js", "plane_handle.js"),
        # Inside a script element only "<" could end it early.
        "state": json.dumps(state).replace("<", "\\u003c"),
        "plotly": plotly_javascript(),
    }
    template = (STATIC / "landscape_page.html").read_text("utf-8")
    # One pass: what is filled in is never searched for places to fill.
    page = re.sub(r"\{\{(\w+)\}\}", lambda place: parts[place[1]], template)
    with atomic_path(path) as temporary:
        temporary.write_text(page, "utf-8")
    return Path(path)


def _finite(value: float) -> float | None:
    return value if abs(value) < float("inf") else None


def _plain(figure: Any) -> dict[str, Any]:
    return json.loads(json.dumps(figure.to_plotly_json(), default=list))  # type: ignore[no-any-return]
