"""Axes, intervals and layout that all figures share."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from math import isfinite
from typing import Any

from soupwidgets.evaluation import SplitScore
from soupwidgets.figures.colours import GREY, INK
from soupwidgets.figures.drawing import Drawing
from soupwidgets.translation import N_
from soupwidgets.translation import gettext as _

FONT = "system-ui, 'Segoe UI', 'Liberation Sans', 'DejaVu Sans', Arial, sans-serif"


def percent(share: float) -> float:
    """0..1 to percent."""
    return 100 * share


def percents(shares: Sequence[float]) -> list[float]:
    """0..1 to percent, for a whole axis."""
    return [percent(share) for share in shares]


TOO_FEW = N_("too few to say")


def interval_words(interval: tuple[float, float], form: str = ".1%") -> str:
    """An interval in words; limits that are not finite mean that there were too few images.

    Examples
    --------
    >>> interval_words((0.705, 0.8)), interval_words((float("nan"), float("nan")))
    ('70.5% to 80.0%', 'too few to say')
    """
    low, high = interval
    if not (isfinite(low) and isfinite(high)):
        return _(TOO_FEW)
    return _("{low} to {high}").format(low=f"{low:{form}}", high=f"{high:{form}}")


def bar_length(length: float) -> float | str:
    """Length of an error bar; plotly draws none for a string, but a zero-length one for a missing number."""
    return length if isfinite(length) else TOO_FEW


def error_bars(known: Iterable[tuple[float, float, float]], **style: Any) -> dict[str, Any]:
    """Plotly's asymmetric error bars of values with their lower and upper limits, all in the axis' unit.

    Examples
    --------
    >>> error_bars([(50.0, 40.0, 70.0), (50.0, float("nan"), float("nan"))])["array"]
    [20.0, 'too few to say']
    """
    ends = list(known)
    return {
        "type": "data",
        "symmetric": False,
        "array": [bar_length(high - value) for value, _, high in ends],
        "arrayminus": [bar_length(value - low) for value, low, _ in ends],
        **style,
    }


def share_bars(known: Iterable[tuple[float, tuple[float, float]]], **style: Any) -> dict[str, Any]:
    """The error bars of shares with their intervals, in percent."""
    return error_bars([(percent(value), percent(low), percent(high)) for value, (low, high) in known], **style)


def error_bar(value: float, interval: tuple[float, float], **style: Any) -> dict[str, Any]:
    """The error bar of one share, in percent."""
    return share_bars([(value, interval)], **style)


def error_bars_of(scores: Iterable[SplitScore], **style: Any) -> dict[str, Any]:
    """The error bars of scores, in percent."""
    return share_bars([(score.accuracy, score.interval) for score in scores], **style)


def band(x: Sequence[float], low: Sequence[float], high: Sequence[float], *, colour: str, uid: str) -> dict[str, Any]:
    """The area between two curves, pale, without legend or hover; a gap where a limit is unknown."""
    shape_x: list[float | None] = []
    shape_y: list[float | None] = []
    for known, points in groupby(zip(x, low, high, strict=True), lambda point: isfinite(point[1] + point[2])):
        if known:
            run = list(points)
            shape_x += [*([None] if shape_x else []), *(p[0] for p in run), *(p[0] for p in reversed(run))]
            shape_y += [*([None] if shape_y else []), *(p[2] for p in run), *(p[1] for p in reversed(run))]
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return {
        "x": shape_x or [None],
        "y": shape_y or [None],
        "uid": uid,
        "mode": "lines",
        "fill": "toself",
        "fillcolor": f"rgba({red},{green},{blue},0.15)",
        "line": {"width": 0},
        "hoverinfo": "skip",
        "showlegend": False,
    }


def axis(title: str, limits: tuple[float, float] | None = None, **more: Any) -> dict[str, Any]:
    """An axis in the common style; with ``limits`` it stays fixed while something moves along it."""
    look = {
        "title": {"text": title, "standoff": 12},
        "gridcolor": "#E6E6E6",
        "zeroline": False,
        "linecolor": GREY,
        "ticks": "outside",
    }
    look["automargin"] = True
    return {**look, **({} if limits is None else {"range": list(limits)}), **more}


def rows_axis(count: int) -> dict[str, Any]:
    """An axis of named rows from top to bottom."""
    return axis("", (count - 0.5, -0.5), type="category")


def limits(values: Iterable[float], margin: float = 0.05) -> tuple[float, float]:
    """Limits of an axis that covers all values, with a margin (a fraction of its length) at both ends."""
    known = [value for value in values if isfinite(value)]
    low, high = min(known), max(known)
    width = margin * (high - low) or 1.0
    return low - width, high + width


def drawing(title: str, x_axis: dict[str, Any] | None, y_axis: dict[str, Any] | None, *, height: int = 450) -> Drawing:
    """Begin a figure with its axes, if it has one pair of them, and the common look."""
    axes = {"xaxis": x_axis, "yaxis": y_axis}
    layout = {
        "title": {"text": title, "font": {"size": 15}, "x": 0, "pad": {"l": 8}, "y": 0.97, "yanchor": "top"},
        "font": {"family": FONT, "size": 12, "color": INK},
        "height": height,
        "margin": {"l": 60, "r": 16, "t": 44, "b": 60},
        "paper_bgcolor": "white",
        "plot_bgcolor": "white",
        "legend": {
            "orientation": "h",
            "font": {"size": 11},
            "x": 0,
            "y": 0.01,
            "yref": "container",
            "xanchor": "left",
            "yanchor": "bottom",
            "itemclick": False,
            "itemdoubleclick": False,
        },
        "hovermode": "closest",
    }
    return Drawing(layout | {name: made for name, made in axes.items() if made is not None})


def colour_bar(title: str, *, above: bool = False) -> dict[str, Any]:
    """Plotly's colour bar, to the right of the plot, or above one that needs all of the width."""
    words = {"text": title, "side": "top" if above else "right", "font": {"size": 12}}
    place = {"orientation": "h", "y": 1, "yanchor": "bottom", "ypad": 6} if above else {}
    return {"title": words, "thickness": 10 if above else 14, "outlinewidth": 0, **place}


# Room for a colour bar above the plot; plotly moves the title up when it finds one.
ROOM_ABOVE: dict[str, Any] = {"margin": {"t": 100}, "title": {"y": 0.93}}


def not_in_view(names: Sequence[str], *, below: bool = True) -> list[dict[str, Any]]:
    """Plotly's annotations that name what lies too far below (or above) to be shown; none for no names."""
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    far = "\u2190 far below" if below else "far above"
    words = f"{far}, not in view: {', '.join(names[:3])}{more}"
    corner = {"xref": "paper", "yref": "paper", "x": 0, "y": 0, "xanchor": "left", "yanchor": "bottom"}
    return [{"text": words, "showarrow": False, "font": {"size": 11, "color": GREY}, **corner}] if names else []
