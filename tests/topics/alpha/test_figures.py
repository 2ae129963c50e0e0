from __future__ import annotations

import plotly.graph_objects as go
import pytest

import soupwidgets as sw
from soupwidgets import Recipe, Sweep
from soupwidgets.evaluation import Evaluation, SplitScore


def evaluation(test: int, fog: int, snow: int, seen: int = 100) -> Evaluation:
    return Evaluation(
        Recipe({"a": 1}),
        {
            "val": SplitScore("validation", 100, seen, test, 0.1),
            "test": SplitScore("id_test", 100, seen, test, 0.1),
            "fog": SplitScore("shift", 100, seen, fog, 0.1),
            "snow": SplitScore("shift", 100, seen, snow, 0.1),
        },
    )


@pytest.fixture
def sweep() -> Sweep:
    return Sweep(
        "ft", {0.0: evaluation(70, 60, 64), 0.5: evaluation(82, 58, 60), 1.0: evaluation(80, 40, 44)}, "val", "test"
    )


def by_uid(figure: go.Figure) -> dict[str, object]:
    return {trace.uid: trace for trace in figure.data}


def test_frontier_draws_the_numbers(sweep: Sweep) -> None:
    figure = sw.alpha.figures.frontier(sweep)
    traces = by_uid(figure)
    assert traces["curve"].x == (70, 82, 80)
    assert traces["curve"].y == pytest.approx((62, 59, 42))
    assert traces["straight"].x == (70, 75, 80)
    assert (traces["best"].x, traces["best"].y) == ((82,), (59,))
    assert traces["here"].x == (82,)
    low = 82 - traces["here"].error_x.arrayminus[0]
    assert low == pytest.approx(100 * evaluation(82, 0, 0).interval["test"][0])
    for part in ("At alpha 0: ID 70.0%", "Mean OOD 62.0%", "at alpha 0.5", "Best alpha by validation: 0.5"):
        assert part in sw.figures.text_alternative(figure)


def test_one_shift(sweep: Sweep) -> None:
    figure = sw.alpha.figures.frontier(sweep, shift="fog")
    assert by_uid(figure)["curve"].y == pytest.approx((60, 58, 40))
    assert figure.layout.yaxis.title.text == "OOD (fog) accuracy, %"


def test_curves_draw_every_split(sweep: Sweep) -> None:
    figure = sw.alpha.figures.curves(sweep)
    traces = by_uid(figure)
    assert traces["shift-0"].y == pytest.approx((60, 58, 40))
    assert traces["validation"].y == (70, 82, 80)
    assert figure.layout.shapes[0].x0 == 0.5
    assert "mean OOD from 62.0% to 42.0%" in sw.figures.text_alternative(figure)
    assert "fog from 60.0% to 40.0%" in sw.figures.text_alternative(sw.alpha.figures.curves(sweep, shift="fog"))


def test_bars_draw_every_split_with_its_interval(sweep: Sweep) -> None:
    figure = sw.alpha.figures.splits(sweep, 1.0, sweep[1.0])
    here = by_uid(figure)["here"]
    assert here.x == (80, 80, 40, 44)
    assert here.y == ("validation", "ID test", "fog", "snow")
    assert "fog 40.00%" in sw.figures.text_alternative(figure)
    assert "40 of 100" in sw.figures.text_alternative(figure)


def test_coarse_answers_are_hollow_and_say_so(sweep: Sweep) -> None:
    coarse = evaluation(8, 6, 6, seen=10)
    assert by_uid(sw.alpha.figures.frontier(sweep, 0.3, coarse))["here"].marker.symbol == "circle-open"
    assert "alpha 0.3 (coarse)" in sw.figures.text_alternative(sw.alpha.figures.frontier(sweep, 0.3, coarse))
    assert set(by_uid(sw.alpha.figures.splits(sweep, 0.3, coarse))["here"].marker.symbol) == {"circle-open"}


def test_axes_stand_still_unless_a_point_would_be_lost(sweep: Sweep) -> None:
    for draw in (sw.alpha.figures.frontier, sw.alpha.figures.splits):
        still = [draw(sweep, a, sweep[a]).layout.xaxis.range for a in sweep.alphas]
        assert still[0] == still[1] == still[2]
        wide = draw(sweep, 0.5, evaluation(5, 1, 2)).layout.xaxis.range
        assert wide[0] < still[0][0]


def test_a_drawing_is_its_figure(sweep: Sweep) -> None:
    """What a panel sends is what a notebook shows."""
    for name in ("frontier", "curves", "splits"):
        draw = getattr(sw.alpha.figures, name)
        drawn = draw.plain(sweep, 0.5, sweep[0.5])
        figure = drawn.to_figure().to_plotly_json()
        for trace, plain in zip(figure["data"], drawn.data, strict=True):
            assert {key: trace[key] for key in ("uid", "type", "mode")} == {
                k: plain[k] for k in ("uid", "type", "mode")
            }
            assert list(trace["x"]) == list(plain["x"])
        assert figure["layout"]["meta"]["text"] == drawn.text == sw.figures.text_alternative(drawn)
        assert drawn.trace(plain["uid"]) is drawn.data[-1]
        with pytest.raises(KeyError, match="no trace 'nobody'"):
            drawn.trace("nobody")


def test_uids_are_words(sweep: Sweep) -> None:
    # plotly makes CSS selectors of them
    for figure in (sw.alpha.figures.frontier(sweep), sw.alpha.figures.curves(sweep), sw.alpha.figures.splits(sweep)):
        assert all(uid.replace("-", "").isalnum() for uid in by_uid(figure))


def test_every_figure_has_titles_names_and_words(sweep: Sweep) -> None:
    for figure in (sw.alpha.figures.frontier(sweep), sw.alpha.figures.curves(sweep), sw.alpha.figures.splits(sweep)):
        assert figure.layout.title.text
        assert "%" in figure.layout.xaxis.title.text + figure.layout.yaxis.title.text
        assert len(sw.figures.text_alternative(figure)) > 100
        # Lines and points have their names beside them; marks in rows, one over another here and there, a legend.
        names = [t.name for t in figure.data if t.name] if figure.layout.showlegend else by_uid(figure)["names"].text
        assert {"zero-shot", "ID test"} & set(names)
        assert len(names) >= 3
        assert figure.layout.showlegend == ("names" not in by_uid(figure))
