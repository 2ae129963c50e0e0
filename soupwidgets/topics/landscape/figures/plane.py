"""Loss or error on a plane of models: contours, a surface, and a small picture for each split."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from soupwidgets.figures.finishing import finished
from soupwidgets.figures.shown import ShownFigure, bold
from soupwidgets.figures.style import FONT, INK, axis, base_figure
from soupwidgets.topics.landscape.marks import Mark
from soupwidgets.topics.landscape.plane import Landscape
from soupwidgets.topics.landscape.span import Place

Quantity = Literal["loss", "error"]
# From pale (low, where models and their labels are) to dark: ordered by lightness, so it works without colours.
_COLOURS = [[0, "#FFFFE5"], [0.2, "#E3F2C1"], [0.4, "#A8DDB5"], [0.6, "#4EB3D3"], [0.8, "#2166AC"], [1, "#081D58"]]
# Up to this many models off the plane are labelled; with more, names are shown on hover only.
_NAMED = 6
# Maximum number of contours.
_CONTOURS = 16
# Share of a figure's height that small pictures with titles take.
_BELOW_TITLES = 0.94
# Values further above the rest than this multiple of its spread are clipped: they would leave it a single colour.
_CLIP = 2.0


def contour(
    landscape: Landscape,
    quantity: Quantity = "loss",
    marks: Mapping[str, Mark] | None = None,
    segment: Sequence[Place] = (),
) -> go.Figure:
    """Draw a landscape as contours, with the models on it and those off the plane.

    Parameters
    ----------
    landscape
        With at least one measured point; where nothing has been measured yet, the nearest point's colour is used.
    quantity
        Which number to draw.
    marks
        Models by name; the plane's own corners when None. A model off the plane is drawn hollow, at its
        projection; one that is further off than the plane is wide is only mentioned in the text.
    segment
        Two places to connect by a line.

    Returns
    -------
    go.Figure
        With a text alternative in ``layout.meta``.

    Notes
    -----
    Garipov et al., arXiv 1802.10026, figure 1.
    """
    along, up = _axes(landscape)
    figure = base_figure(
        _title(landscape, quantity), axis(along), axis(up, scaleanchor="x", constrain="domain"), height=560
    )
    figure.layout.legend.y = -0.14
    figure.layout.margin.b = 110
    figure.layout.xaxis.update(range=[landscape.x[0], landscape.x[-1]], constrain="domain")
    figure.layout.yaxis.update(range=[landscape.y[0], landscape.y[-1]])
    figure.add_trace(go.Contour(uid="landscape", **_contour(landscape, quantity)))
    places = _corners(landscape) if marks is None else marks
    for uid, entries in _marks(places).items():
        hollow = uid == "beside"
        figure.add_scatter(
            uid=uid,
            name="model off the plane (projected)" if hollow else "model on the plane",
            mode="markers+text",
            textposition="top center",
            textfont={"color": INK, "size": 11},
            marker={
                "size": 9, "symbol": "circle-open" if hollow else "circle", "color": INK,
                "line": {"width": 1.5, "color": INK if hollow else "white"},
            },
            hoverinfo="text",
            **entries,
        )  # fmt: skip
    figure.add_scatter(
        **_ends(segment),
        uid="segment", name="segment", mode="lines", hoverinfo="skip", showlegend=False,
        line={"color": INK, "width": 2, "dash": "dash"},
    )  # fmt: skip
    return finished(figure, _words(landscape, quantity, places))


def surface(landscape: Landscape, quantity: Quantity = "loss", marks: Mapping[str, Mark] | None = None) -> go.Figure:
    """Draw a landscape as a surface that can be rotated, with the models that lie on it.

    Parameters
    ----------
    landscape, quantity, marks
        As in `contour`; models off the plane are left out, as they do not lie on this surface.

    Returns
    -------
    go.Figure
        With a text alternative in ``layout.meta``.
    """
    values, top, clipped = _values(landscape, quantity)
    places = _corners(landscape) if marks is None else marks
    on = {name: m.place for name, m in places.items() if m.place.off == 0 and _inside(landscape, m.place)}
    figure = ShownFigure(
        go.Surface(
            uid="landscape", x=landscape.x, y=landscape.y, z=values, cmax=top, colorscale=_COLOURS,
            colorbar=_colour_bar(quantity, top, clipped),
            hovertemplate="(%{x:.3g}, %{y:.3g}): %{z:.3f}<extra></extra>",
        )
    )  # fmt: skip
    lift = 0.03 * float(np.ptp(values))
    figure.add_scatter3d(
        x=[p.x for p in on.values()],
        y=[p.y for p in on.values()],
        z=[_nearest(landscape, values, p) + lift for p in on.values()],
        uid="on",
        mode="markers+text",
        text=list(on),
        marker={"size": 5, "color": INK},
        hoverinfo="text",
        showlegend=False,
    )
    unit = _unit(quantity)
    along, up = _short_axes(landscape)
    figure.update_layout(
        title={"text": _title(landscape, quantity), "font": {"size": 15}, "x": 0, "xref": "paper"},
        font={"family": FONT, "size": 12, "color": INK},
        height=560,
        margin={"l": 10, "r": 10, "t": 40, "b": 10},
        scene={
            "xaxis": {"title": {"text": along}},
            "yaxis": {"title": {"text": up}},
            "zaxis": {"title": {"text": unit}},
            "aspectratio": {"x": 1, "y": 1, "z": 0.6},
        },
    )
    return finished(figure, _words(landscape, quantity, places))


def splits(
    landscapes: Sequence[Landscape], quantity: Quantity = "error", marks: Mapping[str, Mark] | None = None
) -> go.Figure:
    """Draw the same plane on several splits, each with its own colour scale.

    Parameters
    ----------
    landscapes
        At least one landscape, all of the same plane.
    quantity
        Which number to draw.
    marks
        Models to mark in each; the plane's own corners when None.

    Returns
    -------
    go.Figure
        With the lowest point of each marked by a star, and a text alternative in ``layout.meta``.
    """
    columns = min(5, len(landscapes))
    rows = math.ceil(len(landscapes) / columns)
    titles = [f"{one.split}: lowest {_low(one, quantity)}" for one in landscapes]
    shape = np.ptp(landscapes[0].y) / np.ptp(landscapes[0].x)
    # The approximate height of a panel when the figure is as wide as a notebook.
    panel = 165 * float(np.clip(shape, 0.3, 2))
    height = 110 + (panel + 45) * rows
    figure = make_subplots(
        rows, columns, subplot_titles=titles, horizontal_spacing=0.03, vertical_spacing=45 / (height - 110),
        figure=ShownFigure(),
    )  # fmt: skip
    figure.update_annotations(font_size=12)
    # The titles of the first row have their room within the figure: above it there may be none.
    figure.for_each_yaxis(lambda one: one.update(domain=[_BELOW_TITLES * end for end in one.domain]))
    figure.for_each_annotation(lambda one: one.update(y=_BELOW_TITLES * one.y))
    places = _corners(landscapes[0]) if marks is None else marks
    places = {name: mark for name, mark in places.items() if mark.place.off == 0}
    for i, one in enumerate(landscapes):
        where = {"row": i // columns + 1, "col": i % columns + 1}
        figure.add_trace(go.Contour(uid=f"landscape-{i}", **{**_contour(one, quantity), "showscale": False}), **where)
        values, _, _ = _values(one, quantity)
        row, column = np.unravel_index(int(np.argmin(values)), values.shape)
        figure.add_scatter(
            x=[one.x[column]], y=[one.y[row]], uid=f"lowest-{i}", name="lowest point of the grid", mode="markers",
            marker={"symbol": "star", "size": 12, "color": "white", "line": {"color": INK, "width": 1.5}},
            showlegend=i == 0, hoverinfo="skip", **where,
        )  # fmt: skip
        figure.add_scatter(
            x=[m.place.x for m in places.values()], y=[m.place.y for m in places.values()],
            uid=f"marks-{i}", name="model on the plane", mode="markers+text" if i == 0 else "markers",
            text=list(places), textposition="top center", textfont={"size": 9},
            marker={"size": 6, "color": INK, "line": {"color": "white", "width": 1}},
            hovertext=list(places), hoverinfo="text", showlegend=i == 0, **where,
        )  # fmt: skip
        figure.update_xaxes(visible=False, range=[one.x[0], one.x[-1]], constrain="domain", **where)
        anchor = "x" if i == 0 else f"x{i + 1}"
        figure.update_yaxes(
            visible=False, range=[one.y[0], one.y[-1]], scaleanchor=anchor, constrain="domain", **where
        )  # fmt: skip
    words = "; ".join(f"{one.split} {_low(one, quantity)}" for one in landscapes)
    figure.update_layout(
        title={
            "text": f"{_name(quantity)} on one plane of weights, split by split",
            "font": {"size": 15}, "x": 0, "xref": "paper",
        },
        font={"family": FONT, "size": 12, "color": INK},
        height=height,
        margin={"l": 10, "r": 10, "t": 70, "b": 40},
        paper_bgcolor="white",
        plot_bgcolor="white",
        legend={"orientation": "h", "x": 0, "y": -0.02},
    )  # fmt: skip
    text = f"{_name(quantity)} on the same plane for {len(landscapes)} splits; the lowest value of each: {words}."
    return finished(figure, text)


def _contour(landscape: Landscape, quantity: Quantity) -> dict[str, Any]:
    values, top, clipped = _values(landscape, quantity)
    low = float(np.min(values))
    step = round_step((top - low) / _CONTOURS)
    return {
        "x": landscape.x.tolist(),
        "y": landscape.y.tolist(),
        "z": values.tolist(),
        "zmin": low,
        "zmax": top,
        "colorscale": _COLOURS,
        "contours": {"start": step * math.ceil(low / step), "end": top, "size": step},
        "line": {"width": 0.6, "color": "rgba(34,34,34,0.45)"},
        "colorbar": _colour_bar(quantity, top, clipped),
        "hovertemplate": "(%{x:.3g}, %{y:.3g}): %{z:.3f}<extra></extra>",
    }


def _ends(segment: Sequence[Place]) -> dict[str, list[float | None]]:
    # A trace without points keeps its position.
    return {"x": [p.x for p in segment] or [None], "y": [p.y for p in segment] or [None]}


def _values(landscape: Landscape, quantity: Quantity) -> tuple[NDArray[np.float64], float, int]:
    """The values to draw (all finite), the upper end of the colours, and the number of points above it."""
    raw = landscape.filled(landscape.error * 100 if quantity == "error" else landscape.loss)
    finite = raw[np.isfinite(raw)]
    if not finite.size:
        return np.zeros_like(raw), 1.0, raw.size
    # Three quarters of the points show the landscape; values far above them are the rim, where models are broken.
    upper = float(np.quantile(finite, 0.75))
    beyond = upper + _CLIP * (upper - float(finite.min()))
    top = min(float(finite.max()), beyond) if beyond > upper else float(finite.max())
    clipped = int((~(raw <= top)).sum())
    return np.where(raw <= top, raw, top), top, clipped


def _colour_bar(quantity: Quantity, top: float, clipped: int) -> dict[str, Any]:
    beyond = ""
    if clipped:
        beyond = f"\n{clipped} point{'s' if clipped > 1 else ''} above {top:.3g} in the last colour"
    title = {"text": _unit(quantity) + beyond, "side": "right"}
    return {"title": title, "thickness": 14, "outlinewidth": 0, "tickformat": "~g"}


def round_step(least: float) -> float:
    """The next 1, 2 or 5 times a power of ten: contours at numbers that can be read."""
    if not least > 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(least))
    return next(power * digit for digit in (1, 2, 5, 10) if power * digit >= least * (1 - 1e-9))


def _axes(landscape: Landscape) -> tuple[str, str]:
    plane = landscape.plane
    if plane.explained is not None:
        first, second = (f"{100 * share:.0f}% of the spread" for share in plane.explained)
        return f"First principal component of the weights ({first})", f"Second ({second})"
    start, along, up = (name for name in plane.corners)
    return f"Distance of weights from {start} towards {along}", f"and at right angles, towards {up}"


def _short_axes(landscape: Landscape) -> tuple[str, str]:
    if landscape.plane.explained is not None:
        return "first component", "second component"
    _, along, up = (name for name in landscape.plane.corners)
    return f"towards {along}", f"towards {up}"


def _title(landscape: Landscape, quantity: Quantity) -> str:
    plane = landscape.plane
    names = list(plane.corners)
    through = f"a run of {len(names)} checkpoints" if plane.explained else f"{', '.join(names[:-1])} and {names[-1]}"
    return f"{_name(quantity)} on the plane through {through} ({landscape.split})"


def _words(landscape: Landscape, quantity: Quantity, marks: Mapping[str, Mark]) -> str:
    values = landscape.error if quantity == "error" else landscape.loss
    measured = int((landscape.seen == landscape.total).sum())
    some = int((landscape.seen > 0).sum())
    finite = np.where(np.isfinite(values), values, np.inf)
    row, column = np.unravel_index(int(np.argmin(finite)), finite.shape)
    shape = f"{len(landscape.x)} by {len(landscape.y)}"
    low = f"{values[row, column]:.1%}" if quantity == "error" else f"{values[row, column]:.3f} nats"
    lost = int((~np.isfinite(values) & (landscape.seen > 0)).sum())
    norm = f" {landscape.batch_norm}" if landscape.batch_norm else ""
    on = [name for name, mark in marks.items() if mark.place.off == 0]
    beside = [f"{name} ({mark.place.off:.3g})" for name, mark in marks.items() if mark.place.off > 0]
    return (
        f"{_name(quantity)} on {landscape.split} on a grid of {shape} models: {measured} measured on all "
        f"{landscape.total:,} images, {some - measured} on some of them. The lowest, {low}, is at "
        f"({landscape.x[column]:.3g}, {landscape.y[row]:.3g}).{f' {lost} points have no finite loss.' if lost else ''}"
        f"{norm} On the plane lie {', '.join(on) or 'no models'}."
        + (f" Off the plane, with their distances: {', '.join(beside)}." if beside else "")
    )


def _corners(landscape: Landscape) -> dict[str, Mark]:
    return {name: Mark(landscape.plane.place(recipe)) for name, recipe in landscape.plane.corners.items()}


def _near(marks: Mapping[str, Mark]) -> dict[str, Mark]:
    """Models to draw: those that are no further from the plane than it is wide."""
    on = [mark.place for mark in marks.values() if mark.place.off == 0]
    width = max((max(abs(a.x - b.x), abs(a.y - b.y)) for a in on for b in on), default=0.0)
    return {name: mark for name, mark in marks.items() if mark.place.off <= max(width, 0.0)}


def _marks(marks: Mapping[str, Mark]) -> dict[str, dict[str, Any]]:
    """The data of the traces for models on the plane and off it."""
    traces: dict[str, dict[str, Any]] = {}
    for uid in ("on", "beside"):
        chosen = {name: mark for name, mark in _near(marks).items() if (mark.place.off > 0) == (uid == "beside")}
        named = uid == "on" or len(chosen) <= _NAMED
        traces[uid] = {
            # A trace without points keeps its position.
            "x": [mark.place.x for mark in chosen.values()] or [None],
            "y": [mark.place.y for mark in chosen.values()] or [None],
            "text": list(chosen) if named else [],
            "customdata": [[[mark.place.x, mark.place.y], name] for name, mark in chosen.items()],
            "hovertext": [_hover(name, mark) for name, mark in chosen.items()],
            "showlegend": bool(chosen),
        }
    return traces


def _hover(name: str, mark: Mark) -> str:
    lines = [bold(name)]
    if mark.own is not None:
        lines.append(f"loss {mark.own.loss:.3f}, error {1 - mark.own.accuracy:.1%}")
    if mark.place.off > 0:
        lines.append(f"{mark.place.off:.3g} off the plane")
        if mark.there is not None:
            lines.append(f"the plane there: loss {mark.there.loss:.3f}, error {1 - mark.there.accuracy:.1%}")
    return "\n".join(lines)


def _inside(landscape: Landscape, place: Place) -> bool:
    return bool(
        landscape.x[0] <= place.x <= landscape.x[-1] and landscape.y[0] <= place.y <= landscape.y[-1]
    )  # fmt: skip


def _nearest(landscape: Landscape, values: NDArray[np.float64], place: Place) -> float:
    return float(values[np.abs(landscape.y - place.y).argmin(), np.abs(landscape.x - place.x).argmin()])


def _low(landscape: Landscape, quantity: Quantity) -> str:
    values = landscape.filled(landscape.error if quantity == "error" else landscape.loss)
    finite = values[np.isfinite(values)]
    if not finite.size:
        return "not finite"
    about = "" if landscape.exact else "about "
    return f"{about}{finite.min():.1%}" if quantity == "error" else f"{about}{finite.min():.2f} nats"


def _name(quantity: Quantity) -> str:
    return "Error" if quantity == "error" else "Loss"


def _unit(quantity: Quantity) -> str:
    return "Error, %" if quantity == "error" else "Cross-entropy, nats"
