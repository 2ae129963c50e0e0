"""Names stand where their lines end, in their colours, and not over each other."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import soupwidgets.panel
from soupwidgets.figures import Drawing
from soupwidgets.figures.colours import BLUE, COLOURS, GREY, INK, PALE, VERMILLION
from soupwidgets.figures.direct import MOST, spread
from soupwidgets.figures.style import axis, drawing


def lines(*ends: float, y_axis: dict[str, object] | None = None) -> Drawing:
    drawn = drawing("title", axis("x", (0, 1)), y_axis or axis("y", (0, 100)))
    for i, end in enumerate(ends):
        colour = (BLUE, VERMILLION, PALE)[i % 3]
        drawn.add(x=[0, 1], y=[50, end], uid=f"line-{i}", name=f"n{i}", label=f"n{i}", line={"color": colour})
    return drawn


def test_names_far_apart_stand_at_the_ends() -> None:
    names = lines(20, 80, 50).done("words").trace("names")
    assert (names["x"], names["y"]) == ([1, 1, 1], pytest.approx([20, 80, 50]))
    assert names["textposition"] == ["middle right"] * 3
    # A line may be too pale to read its name in its colour: VERMILLION's contrast on white is 3.9.
    assert names["textfont"]["color"] == [BLUE, "#B85000", GREY]


def test_names_of_the_same_end_are_spread_around_it() -> None:
    drawn = lines(50, 50, 50).done("words")
    low, middle, high = drawn.trace("names")["y"]
    assert middle == pytest.approx(50)
    # A line of letters is 5.5% of the axis high.
    assert (middle - low, high - middle) == (pytest.approx(5.5), pytest.approx(5.5))
    assert all(trace["showlegend"] is False for trace in drawn.data)


def test_names_stay_within_a_logarithmic_axis() -> None:
    names = lines(1e-4, 1e-4, y_axis=axis("y", (-4, 0), type="log")).done("words").trace("names")
    # Half a line above the end: 2.75% of four powers of ten, and another line.
    assert names["y"] == pytest.approx([10 ** (-4 + 0.11), 10 ** (-4 + 0.33)])


def test_more_names_than_six_are_a_legend() -> None:
    few, many = (lines(*range(10, 10 + n)).done("words") for n in (MOST, MOST + 1))
    assert (few.layout["showlegend"], many.layout["showlegend"]) == (False, True)
    assert few.trace("names")["text"] == [f"n{i}" for i in range(MOST)]
    with pytest.raises(KeyError):
        many.trace("names")
    # The legend has room below, names to the right.
    assert many.layout["margin"]["b"] > few.layout["margin"]["b"]
    assert many.layout["margin"]["r"] < few.layout["margin"]["r"]


def test_what_is_nowhere_has_no_name() -> None:
    drawn = drawing("title", axis("x", (0, 100)), axis("y", (0, 100)))
    for name, x in (("a", 50.0), ("b", 20.0), ("c", None)):
        drawn.add(x=[x], y=[10.0], uid=name, name=name, label=name, at=0)
    assert drawn.done("words").trace("names")["text"] == ["a", "b"]


def test_names_keep_off_a_line_between_its_points() -> None:
    drawn = drawing("title", axis("x", (0, 1)), axis("y", (0, 1)))
    drawn.add(x=[0, 0.5, 1], y=[1, 0.5, 0], uid="falls", name="falls", label="falls", at=1, mode="lines")
    drawn.add(x=[0, 0.5, 1], y=[0, 0.2, 0.4], uid="rises", name="rises", label="rises", at=1, mode="lines")
    # Above a falling line there is room to the right, above a rising one to the left.
    assert drawn.done("words").trace("names")["textposition"] == ["top right", "top left"]


def luminance(colour: str) -> float:
    """Relative luminance by WCAG 2.2, with the gamma of sRGB."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("colour", [*COLOURS, INK, GREY, PALE])
def test_names_can_be_read_in_the_light_and_in_the_dark(colour: str) -> None:
    drawn = drawing("title", axis("x", (0, 1)), axis("y", (0, 1)))
    drawn.add(x=[0, 1], y=[0, 1], uid="line", name="line", label="line", line={"color": colour})
    (name,) = drawn.done("words").trace("names")["textfont"]["color"]
    assert 1.05 / (luminance(name) + 0.05) >= 4.5
    theme = (Path(soupwidgets.panel.__file__).parent / "static" / "panel" / "theme.js").read_text()
    dark = dict(re.findall(r'"(#[0-9a-f]{6})": "(#[0-9a-f]{6})"', theme))
    # The ground of JupyterLab's dark theme behind a panel is no lighter than this.
    assert (luminance(dark[name.lower()]) + 0.05) / (luminance("#2b2b2b") + 0.05) >= 4.5


def test_spread_keeps_the_order_and_the_mean() -> None:
    found = spread([3.0, 1.0, 2.9, 3.1], [1.0] * 4, -10, 10)
    assert found == pytest.approx([3.0, 1.0, 2.0, 4.0])
    # Where there is too little room all begin at the lower end.
    assert spread([0.0, 0.0], [2.0, 2.0], 0, 1) == [1.0, 3.0]


def test_names_at_the_edges_stand_inside() -> None:
    drawn = drawing("title", axis("x", (0, 1)), axis("y", (0, 1)))
    for x in (0, 1):
        drawn.add(x=[x], y=[0.5], uid=f"point-{x}", name=f"point {x}", label=f"point {x}", at=0)
    sides = [where.split()[1] for where in drawn.done("words").trace("names")["textposition"]]
    assert sides == ["right", "left"]
