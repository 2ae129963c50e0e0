"""Loss or error on a plane of models, as contours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from soupwidgets.evaluation import SplitScore
from soupwidgets.figures.drawing import Drawing, figure
from soupwidgets.figures.labels import label_positions
from soupwidgets.figures.shown import bold
from soupwidgets.figures.style import ROOM_ABOVE, axis, drawing
from soupwidgets.topics.landscape.figures.plane import (
    DARK,
    contour_trace,
    corner_marks,
    height_of,
    plane_title,
    plane_words,
)
from soupwidgets.topics.landscape.figures.predicted import hatching, hover, predicted_words
from soupwidgets.topics.landscape.height import Quantity, cost
from soupwidgets.topics.landscape.marks import Mark
from soupwidgets.topics.landscape.plane import Landscape
from soupwidgets.topics.landscape.span import Place

# Up to this many models off the plane are labelled; with more, names are shown on hover only.
_NAMED = 6
# So many times wider are names beside the plane on a telephone than beside one in a notebook.
_ON_TELEPHONES = 3


@figure
def contour(
    landscape: Landscape,
    quantity: Quantity = "loss",
    marks: Mapping[str, Mark] | None = None,
    segment: Sequence[Place] = (),
) -> Drawing:
    """Draw a landscape as contours, with the models on it and those off the plane.

    Parameters
    ----------
    landscape
        With at least one measured point; where nothing has been measured yet, the predicted height is drawn, hatched.
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
    drawn = drawing(
        plane_title(landscape, quantity),
        axis(along, (landscape.x[0], landscape.x[-1]), constrain="domain"),
        # The plane and its colour bar begin at the top, however high the figure is.
        axis(up, (landscape.y[0], landscape.y[-1]), scaleanchor="x", constrain="domain", constraintoward="top"),
        height=560,
    )
    drawn.add(uid="landscape", **contour_trace(landscape, quantity) | hover(landscape, quantity))
    for trace in hatching(landscape):
        drawn.add(**trace)
    places = corner_marks(landscape) if marks is None else marks
    for uid, entries in _marks(places, landscape).items():
        hollow = uid == "beside"
        drawn.add(
            uid=uid,
            name="model off the plane (projected)" if hollow else "model on the plane",
            mode="markers+text",
            textfont={"color": DARK, "size": 11},
            marker={
                "size": 9, "symbol": "circle-open" if hollow else "circle", "color": DARK,
                "line": {"width": 1.5, "color": DARK if hollow else "white"},
            },
            hoverinfo="text",
            **entries,
        )  # fmt: skip
    drawn.add(
        **_ends(segment),
        uid="segment", name="segment", mode="lines", hoverinfo="skip", showlegend=False,
        line={"color": DARK, "width": 2, "dash": "dash"},
    )  # fmt: skip
    words = plane_words(landscape, quantity, places) + predicted_words(landscape, quantity)
    return drawn.done(words, **ROOM_ABOVE)


def _axes(landscape: Landscape) -> tuple[str, str]:
    plane = landscape.plane
    if plane.explained is not None:
        first, second = (f"{100 * share:.0f}% of the spread" for share in plane.explained)
        return f"First principal component of the weights ({first})", f"Second ({second})"
    start, along, up = (name for name in plane.corners)
    return f"Distance from {start} towards {along}", f"upright to it, towards {up}"


def _ends(segment: Sequence[Place]) -> dict[str, Any]:
    # A trace without points keeps its position.
    return {"x": [p.x for p in segment] or [None], "y": [p.y for p in segment] or [None]}


def _near(marks: Mapping[str, Mark]) -> dict[str, Mark]:
    """Models to draw: those that are no further from the plane than it is wide."""
    on = [mark.place for mark in marks.values() if mark.place.off == 0]
    width = max((max(abs(a.x - b.x), abs(a.y - b.y)) for a in on for b in on), default=0.0)
    return {name: mark for name, mark in marks.items() if mark.place.off <= max(width, 0.0)}


def _marks(marks: Mapping[str, Mark], plane: Landscape) -> dict[str, dict[str, Any]]:
    """The data of the traces for models on the plane and off it."""
    traces: dict[str, dict[str, Any]] = {}
    near = _near(marks)
    x, y = [mark.place.x for mark in near.values()], [mark.place.y for mark in near.values()]
    ends = (plane.x[0], plane.x[-1]), (plane.y[0], plane.y[-1])
    beside = dict(zip(near, label_positions(x, y, [name * _ON_TELEPHONES for name in near], ends), strict=True))
    for uid in ("on", "beside"):
        chosen = {name: mark for name, mark in near.items() if (mark.place.off > 0) == (uid == "beside")}
        named = uid == "on" or len(chosen) <= _NAMED
        traces[uid] = {
            # A trace without points keeps its position.
            "x": [mark.place.x for mark in chosen.values()] or [None],
            "y": [mark.place.y for mark in chosen.values()] or [None],
            "text": list(chosen) if named else [],
            "textposition": [beside[name] for name in chosen],
            "customdata": [[[mark.place.x, mark.place.y], name] for name, mark in chosen.items()],
            "hovertext": [_hover(name, mark) for name, mark in chosen.items()],
            "showlegend": bool(chosen),
        }
    return traces


def _score(score: SplitScore) -> str:
    shown = height_of(score, "error")
    return f"loss {score.loss:.3f}, {'error' if shown.name == 'Error' else shown.name} {shown.show(cost(score))}"


def _hover(name: str, mark: Mark) -> str:
    lines = [bold(name)]
    if mark.own is not None:
        lines.append(_score(mark.own))
    if mark.place.off > 0:
        lines.append(f"{mark.place.off:.3g} off the plane")
        if mark.there is not None:
            lines.append(f"the plane there: {_score(mark.there)}")
    return "\n".join(lines)
