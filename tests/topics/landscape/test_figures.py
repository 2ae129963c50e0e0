from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import soupwidgets as sw
from soupwidgets import Recipe
from soupwidgets.evaluation import Evaluation, SplitScore
from soupwidgets.figures.shown import plain_text
from soupwidgets.topics.landscape.barrier import BarrierMatrix
from soupwidgets.topics.landscape.blocks import BlockProfile
from soupwidgets.topics.landscape.line import LandscapeLine
from soupwidgets.topics.landscape.marks import Mark
from soupwidgets.topics.landscape.plane import Landscape
from soupwidgets.topics.landscape.sharpness import Sharpness
from soupwidgets.topics.landscape.span import Place


def score(correct: int, seen: int = 1000, loss: float = 0.5) -> SplitScore:
    return SplitScore("validation", 1000, seen, correct, loss, loss_sd=0.7)


def line(*correct: int, first: str = "a", second: str = "b", batch_norm: str = "") -> LandscapeLine:
    ts = np.linspace(0, 1, len(correct)).tolist()
    scores = {t: score(c) for t, c in zip(ts, correct, strict=True)}
    return LandscapeLine(first, second, "val", scores, {t: Recipe({first: 1 - t, second: t}) for t in ts}, batch_norm)


def plane() -> sw.landscape.Plane:
    """Three models at right angles: (0, 0), (2, 0) and (0, 1)."""
    inner = np.zeros((1, 3, 3))
    inner[0, 1, 1], inner[0, 2, 2] = 4.0, 1.0
    geometry = sw.landscape.WeightGeometry(("a", "b", "<c>"), "a", ("w",), inner)
    corners = {name: Recipe({name: 1}) for name in geometry.names}
    origin, u, v = np.eye(3)[0], np.array([-0.5, 0.5, 0]), np.array([-1.0, 0, 1])
    return sw.landscape.Plane(geometry, origin, u, v, corners)


def landscape(loss: np.ndarray[Any, Any], seen: np.ndarray[Any, Any] | None = None, split: str = "val") -> Landscape:
    x, y = np.linspace(-1, 3, loss.shape[1]), np.linspace(-1, 2, loss.shape[0])
    count = np.full(loss.shape, 1000) if seen is None else seen
    return Landscape(plane(), split, x, y, loss, np.clip(loss / 10, 0, 1), count, 1000)


LOSS = np.array([[3.0, 2.0, 3.0, 4.0], [2.0, 1.0, 2.0, 3.0], [3.0, 2.0, 3.0, 4.0]])
MARKS = {
    "a": Mark(Place(0, 0, 0), score(900), score(900)),
    "beside": Mark(Place(1, 1, 0.5), score(800, loss=0.25), score(700, loss=0.75)),
    "far": Mark(Place(1, 1, 50.0)),
    "b": Mark(Place(2, 0, 0)),
}
MATRIX = BarrierMatrix(
    ("a", "b", "c"), "val", {("a", "b"): line(900, 880, 900), ("a", "c"): line(900, 100, 700, second="c")}
)
PROFILE = BlockProfile(
    "a", "b", "val", "alone", ("conv", "head"), (0.0, 1.0), np.array([[0.2, 0.1], [0.2, 0.3]]), np.ones((2, 2))
)
SHARP = Sharpness(Recipe({"a": 1}), "val", 256, (1.0, 4.0, 4.001), 0.01, 1e-3)

FIGURES: dict[str, Callable[[], Any]] = {
    "contour": lambda: sw.landscape.figures.contour(
        landscape(LOSS), marks=MARKS, segment=[Place(0, 0, 0), Place(2, 0, 0)]
    ),
    "error": lambda: sw.landscape.figures.contour(landscape(LOSS), "error"),
    "line": lambda: sw.landscape.figures.line({"straight": line(900, 400, 700), "bent": line(900, 880, 700)}),
    "line loss": lambda: sw.landscape.figures.line(line(900, 400, 700), "loss"),
    "barriers": lambda: sw.landscape.figures.barrier_matrix(MATRIX),
    "distances": lambda: sw.landscape.figures.weight_geometry(plane().geometry),
    "angles": lambda: sw.landscape.figures.weight_geometry(plane().geometry, "angle"),
    "blocks": lambda: sw.landscape.figures.block_profile(PROFILE),
    "sharpness": lambda: sw.landscape.figures.sharpness({"a": SHARP}),
}


def traces(figure: Any) -> dict[str, Any]:
    return {trace.uid: trace for trace in figure.data}


@pytest.mark.parametrize("name", FIGURES)
def test_titles_words_and_uids(name: str) -> None:
    figure = FIGURES[name]()
    assert figure.layout.title.text
    assert len(sw.figures.text_alternative(figure)) > 60
    assert all(trace.uid for trace in figure.data)


def test_contours_have_the_grids_numbers_and_round_levels() -> None:
    found = traces(FIGURES["contour"]())
    np.testing.assert_array_equal(found["landscape"].z, LOSS)
    assert found["landscape"].contours.size == 0.2
    assert found["landscape"].contours.start == pytest.approx(1.0)
    assert (found["segment"].x, found["segment"].y) == ((0, 2), (0, 0))


def test_models_beside_the_plane_say_what_is_theirs_and_what_the_planes() -> None:
    figure = FIGURES["contour"]()
    found = traces(figure)
    assert [name for _, name in found["on"].customdata] == ["a", "b"]
    assert [name for _, name in found["beside"].customdata] == ["beside"]
    # What a click gives the ring: the place.
    assert found["on"].customdata[1][0] == [2, 0]
    (hover,) = found["beside"].hovertext
    assert "loss 0.250, error 20.0%" in hover
    assert "0.5 off the plane" in hover
    assert "the plane there: loss 0.750, error 30.0%" in hover
    # Further off than the plane is wide: in words alone.
    assert "far (50)" in sw.figures.text_alternative(figure)


def test_names_are_no_html() -> None:
    figure = sw.landscape.figures.contour(landscape(LOSS))
    assert "&lt;c&gt;" in traces(figure)["on"].text
    for title in (figure.layout.title.text, figure.layout.yaxis.title.text):
        assert "&lt;c&gt;" in title
        assert "<c>" not in title
    assert "<c>" not in sw.landscape.figures.surface(landscape(LOSS)).to_json()


def test_a_rim_without_end_does_not_take_all_colours() -> None:
    rim = LOSS.copy()
    rim[0, 3], rim[0, 0] = np.inf, 1e9
    contour = traces(sw.landscape.figures.contour(landscape(rim)))["landscape"]
    assert contour.zmax < 12
    assert "2 points above" in contour.colorbar.title.text


def filling(*known: tuple[int, int], shape: tuple[int, int] = (5, 6)) -> Landscape:
    """A bowl of which only some models are measured."""
    x, y = np.linspace(-1, 3, shape[1]), np.linspace(-1, 2, shape[0])
    bowl, seen = (x - 1) ** 2 + y[:, None] ** 2 + 1, np.zeros(shape, dtype=int)
    seen[tuple(np.transpose(known))] = 1000
    return landscape(np.where(seen, bowl, np.nan), seen)


EVERY_OTHER = [(row, column) for row in (0, 2, 4) for column in (0, 2, 5)]


def rectangles(trace: Any) -> list[tuple[float, float, float, float]]:
    """Left, right, bottom and top of the cells of a hatching."""
    x, y = (np.array(side, dtype=float).reshape(-1, 6)[:, :5] for side in (trace.x, trace.y))
    return list(zip(x.min(axis=1), x.max(axis=1), y.min(axis=1), y.max(axis=1), strict=True))


@pytest.mark.parametrize("draw", ["contour", "splits"])
def test_what_is_predicted_is_hatched_and_what_is_measured_never(draw: str) -> None:
    part = filling(*EVERY_OTHER)
    figure = getattr(sw.landscape.figures, draw)(part if draw == "contour" else [part])
    found = traces(figure)["predicted-0"]
    assert (found.name, found.fillpattern.shape, figure.layout.showlegend) == ("predicted, not measured", "/", True)
    cells = rectangles(found)
    for row, y in enumerate(part.y):
        for column, x in enumerate(part.x):
            hatched = [left <= x <= right and low <= y <= high for left, right, low, high in cells]
            assert sum(hatched) == ((row, column) not in EVERY_OTHER)
    area = sum((right - left) * (high - low) for left, right, low, high in cells)
    assert 0 < area < np.ptp(part.x) * np.ptp(part.y)


def test_the_pointer_and_the_words_tell_measured_from_predicted() -> None:
    part = filling(*EVERY_OTHER)
    figure = sw.landscape.figures.contour(part)
    heights, errors = part.heights("loss")
    text = traces(figure)["landscape"].text
    assert text[0][0] == f"measured {part.loss[0, 0]:.3f} nats"
    assert text[1][1] == f"predicted {heights[1, 1]:.3f} nats \u00b1 {errors[1, 1]:.2g}"
    assert traces(figure)["landscape"].z[1][1] == pytest.approx(heights[1, 1])
    words = sw.figures.text_alternative(figure)
    assert "On val 21 of 30 heights are predicted, not measured; their standard errors are around" in words
    # A prediction is no lowest point.
    assert f"The lowest, {np.nanmin(part.loss):.3f} nats, is at" in words
    error = sw.landscape.figures.contour(part, "error")
    _, errors = part.heights("error")
    assert f"\u00b1 {100 * errors[1, 1]:.2g} points" in traces(error)["landscape"].text[1][1]
    first = sw.landscape.figures.contour(filling((0, 0)))
    assert traces(first)["landscape"].text[4][5] == f"predicted {part.loss[0, 0]:.3f} nats (standard error not known)"
    assert "standard errors are not known yet" in sw.figures.text_alternative(first)


def test_a_surface_has_a_line_through_what_is_predicted() -> None:
    part = filling(*EVERY_OTHER)
    found = traces(sw.landscape.figures.surface(part))
    lines = np.array([found["predicted-0"].x, found["predicted-0"].y], dtype=float).reshape(2, -1, 3)
    middles = {(round(x, 3), round(y, 3)) for x, y in lines[:, :, :2].mean(axis=2).T}
    inner = {(x, y) for y in part.y[1:-1].round(3) for x in part.x[1:-1].round(3)}
    measured = {(round(part.x[column], 3), round(part.y[row], 3)) for row, column in EVERY_OTHER}
    assert lines.shape[1] == 21
    assert middles & inner == inner - measured
    assert found["on"].showlegend is None


def test_once_everything_is_measured_nothing_is_hatched() -> None:
    whole = landscape(LOSS)
    for figure in (
        sw.landscape.figures.contour(whole),
        sw.landscape.figures.surface(whole),
        sw.landscape.figures.splits([whole]),
    ):
        assert "predicted" not in figure.to_json()
        assert traces(figure)[figure.data[0].uid].text is None
    # Models that saw some of the examples are measured, though not exactly.
    rough = sw.landscape.figures.contour(landscape(LOSS, np.full(LOSS.shape, 64)))
    assert "predicted" not in rough.to_json()
    assert traces(rough)["landscape"].text[0][0].startswith("measured on 64 of 1,000 examples: 3.000 nats")
    assert "0 measured on all 1,000 examples, 12 on some" in sw.figures.text_alternative(rough)


def test_the_model_under_the_ring_on_every_split() -> None:
    scores = {"val": score(900), "<fog>": score(400, seen=500, loss=1.2)}
    evaluation = Evaluation(Recipe({"a": 1}), scores)
    found = traces(sw.landscape.figures.point(evaluation, "error"))["here"]
    assert list(found.x) == pytest.approx([10, 20])
    low, high = scores["val"].interval
    assert found.error_x.array[0] == pytest.approx(100 * (0.9 - low))
    assert found.error_x.arrayminus[0] == pytest.approx(100 * (high - 0.9))
    assert found.marker.symbol == "circle-open"
    assert "<" not in found.y[1].replace("&lt;", "")
    figure = sw.landscape.figures.point(evaluation)
    assert list(traces(figure)["here"].x) == [0.5, 1.2]
    # 1.1 times the highest, at the next round number: the axis rests while the ring moves a little.
    assert figure.layout.xaxis.range == (0, 1.5)
    assert "coarse so far: validation 0.500, validation 1.200" in sw.figures.text_alternative(figure)


def test_surface_and_splits_show_the_lowest_point() -> None:
    surface = sw.landscape.figures.surface(landscape(LOSS), marks=MARKS)
    np.testing.assert_array_equal(surface.data[0].z, LOSS)
    assert list(surface.data[1].text) == ["a", "b"]
    splits = sw.landscape.figures.splits([landscape(LOSS), landscape(LOSS[::-1, ::-1], split="fog")], "loss")
    stars = [t for t in splits.data if t.uid.startswith("lowest")]
    x, y = np.linspace(-1, 3, 4), np.linspace(-1, 2, 3)
    assert [(t.x[0], t.y[0]) for t in stars] == [(x[1], y[1]), (x[2], y[1])]
    assert "fog" in sw.figures.text_alternative(splits)


def test_lines_draw_numbers_bands_and_batch_norm() -> None:
    found = traces(FIGURES["line"]())
    assert found["line-0"].y == pytest.approx((10, 60, 30))
    low, high = score(400).interval
    band = found["band-0"]
    assert (max(band.y), band.y[-2]) == pytest.approx((100 * (1 - low), 100 * (1 - high)))
    words = sw.figures.text_alternative(
        sw.landscape.figures.line(line(900, 400, 700, batch_norm="Batch statistics averaged."))
    )
    assert "Error barrier 40.00 points" in words
    assert words.endswith("Batch statistics averaged.")


def test_barriers_are_symmetric_and_unknown_pairs_empty() -> None:
    figure = FIGURES["barriers"]()
    z = np.array(figure.data[0].z, dtype=float)
    assert (z[0, 1], z[1, 0], z[2, 0]) == pytest.approx((2.0, 2.0, 70.0))
    assert np.isnan(z[1, 2])
    assert "2 of 3 pairs" in sw.figures.text_alternative(figure)
    rise = sw.landscape.figures.barrier_matrix(MATRIX, "rise")
    # 30 % error at one end and 10 % at the other: 20 % in the middle of the line between them.
    assert rise.data[0].z[0][2] == pytest.approx(70.0)


def test_distances_and_angles_are_euclids() -> None:
    distance = np.array(FIGURES["distances"]().data[0].z)
    assert distance[1, 2] == pytest.approx(5**0.5)
    angle = FIGURES["angles"]().data[0]
    assert list(angle.x) == ["b", "&lt;c&gt;"]
    assert angle.z[0][1] == pytest.approx(90)


def test_blocks_and_iterations() -> None:
    blocks = FIGURES["blocks"]().data[0]
    np.testing.assert_allclose(blocks.z, [[20, 10], [20, 30]])
    assert list(blocks.y) == ["conv", "head"]
    after = sw.landscape.figures.block_profile(BlockProfile(**{**PROFILE.__dict__, "mode": "after"}), "loss")
    assert list(after.data[0].y) == ["conv and after", "head and after"]
    assert tuple(traces(FIGURES["sharpness"]())["model-0"].y) == SHARP.history
    assert "4 after 3 iterations, converged" in sw.figures.text_alternative(FIGURES["sharpness"]())
    with pytest.raises(ValueError, match="no model"):
        sw.landscape.figures.sharpness({})


def test_components_of_a_run_say_what_they_hold() -> None:
    made = plane()
    run = sw.landscape.Plane(made.geometry, made.origin, made.u, made.v, made.corners, (0.8, 0.15))
    figure = sw.landscape.figures.contour(Landscape(**{**landscape(LOSS).__dict__, "plane": run}))
    assert "80% of the spread" in figure.layout.xaxis.title.text
    assert "a run of 3 checkpoints" in plain_text(figure.layout.title.text)
