from __future__ import annotations

from collections.abc import Callable

import plotly.graph_objects as go
import pytest

import soupwidgets as sw
from soupwidgets import GreedySoup, Recipe
from soupwidgets.evaluation import Evaluation, SplitScore
from soupwidgets.methods import GreedyStep, HeldOut, Judged, LearnedEpoch, LearnedSoup
from soupwidgets.topics.soup.pairs import PairGain
from soupwidgets.topics.soup.versus_ensemble import SoupVersusEnsemble


def evaluation(recipe: dict[str, float], test: int, ood: int, seen: int = 1000) -> Evaluation:
    return Evaluation(
        Recipe(recipe),
        {
            "val": SplitScore("validation", 1000, seen, test, 0.1),
            "test": SplitScore("id_test", 1000, seen, test, 0.1),
            "fog": SplitScore("shift", 1000, seen, ood, 0.1),
        },
    )


COUNTS = {"zero-shot": (700, 600), "a": (800, 500), "b": (810, 520), "c": (805, 480), "d": (802, 505), "bad": (100, 90)}
ALONE = {name: evaluation({name: 1}, test, ood) for name, (test, ood) in COUNTS.items()}
SOUP = evaluation({"a": 0.5, "b": 0.5}, 820, 540)
ENSEMBLE = evaluation({"a": 0.5, "b": 0.5}, 825, 530)
GREEDY = GreedySoup(
    Recipe({"a": 0.5, "c": 0.5}),
    (
        GreedyStep("a", 0.80, 0.0, True, 100, 100),
        GreedyStep("b", 0.795, 0.80, False, 20, 100),
        GreedyStep("c", 0.81, 0.80, True, 100, 100),
        GreedyStep("d", 0.80, 0.81, False, 100, 100),
    ),
)
PAIRS = [PairGain("a", "b", 40.0, 0.01, 0.02, 0.001), PairGain("a", "c", 60.0, 0.03, 0.02, 0.001)]
VERSUS = [SoupVersusEnsemble("a", "b", 0.5, "val", 1.0, 0.52, 0.51, 0.1, 0.16, 0.2, 0.19)]

LEARNED = LearnedSoup(
    Recipe({"a": 0.7, "b": 0.2, "c": 0.06, "d": 0.04}),
    1.1,
    (
        LearnedEpoch(0.5, 0.81, 1.05, {"a": 0.5, "b": 0.2, "c": 0.2, "d": 0.1}),
        LearnedEpoch(0.4, 0.82, 1.1, {"a": 0.7, "b": 0.2, "c": 0.06, "d": 0.04}),
    ),
)
LAYERED = Recipe({"a": 0.5, "b": 0.5}, {"head.weight": {"a": 1.0}, "visual.proj": {"a": 0.2, "b": 0.8}})

FIGURES: dict[str, Callable[[], go.Figure]] = {
    "soup_frontier": lambda: sw.soup.figures.frontier(ALONE, SOUP, ENSEMBLE, "zero-shot"),
    "soup_splits": lambda: sw.soup.figures.splits(
        SOUP, ENSEMBLE, {"best": ALONE["b"], "zero-shot": ALONE["zero-shot"]}
    ),
    "greedy_trace": lambda: sw.soup.figures.greedy_trace(GREEDY, 3),
    "pair_gains": lambda: sw.soup.figures.pair_gains(PAIRS),
    "soup_ensemble": lambda: sw.soup.figures.versus_ensemble(VERSUS),
    "hyperparameter": lambda: sw.soup.figures.hyperparameter(
        {"a": 1e-3, "b": 2e-3}, ALONE, name="learning rate", split="val"
    ),
}


FIGURES["learned_trace"] = lambda: sw.soup.figures.learned_trace(LEARNED)
JUDGED = LearnedSoup(
    Recipe({"a": 0.5, "b": 0.5}),
    1.05,
    (
        LearnedEpoch(0.5, 0.81, 1.05, {"a": 0.5, "b": 0.5}, Judged(0.45, (0.4, 0.5), 0.8)),
        LearnedEpoch(0.4, 0.85, 1.1, {"a": 0.7, "b": 0.3}, Judged(0.55, (0.5, 0.6), 0.7)),
    ),
    HeldOut(10, 50, 0, 1, Judged(0.6, (0.5, 0.7), 0.6)),
)
FIGURES["learned_curve"] = lambda: sw.soup.figures.learned_curve(JUDGED)
FIGURES["by_tensor"] = lambda: sw.soup.figures.by_tensor(LAYERED, ["head.weight", "visual.proj", "visual.conv1.weight"])


def by_uid(figure: go.Figure) -> dict[str, object]:
    return {trace.uid: trace for trace in figure.data}


@pytest.mark.parametrize("name", FIGURES)
def test_titles_words_and_uids(name: str) -> None:
    figure = FIGURES[name]()
    assert figure.layout.title.text
    assert figure.layout.xaxis.title.text
    assert len(sw.figures.text_alternative(figure)) > 80
    assert all(uid.replace("-", "").isalnum() for uid in by_uid(figure))


def test_frontier_draws_the_numbers() -> None:
    traces = by_uid(FIGURES["soup_frontier"]())
    assert traces["ingredients"].x == pytest.approx((70, 80, 81, 80.5, 80.2, 10))
    colours = traces["ingredients"].marker.color
    assert [colour == sw.figures.colours.BLUE for colour in colours] == [False, True, True, False, False, False]
    assert traces["ingredients"].marker.symbol[0] == "square"
    assert [list(row) for row in traces["ingredients"].customdata][1] == ["a"]
    assert (traces["here"].x, traces["here"].y) == ((82,), (54,))
    assert (traces["ensemble"].x, traces["ensemble"].y) == ((82.5,), (53,))
    assert 82 - traces["here"].error_x.arrayminus[0] == pytest.approx(100 * SOUP.interval["test"][0])


def test_what_is_far_below_is_named_unless_it_is_in_the_soup() -> None:
    figure = FIGURES["soup_frontier"]()
    assert figure.layout.xaxis.range[0] > 50
    assert "not in view: bad" in figure.layout.annotations[0].text
    assert "not in view: bad." in sw.figures.text_alternative(figure)
    with_bad = sw.soup.figures.frontier(ALONE, evaluation({"a": 0.5, "bad": 0.5}, 400, 300), None, "zero-shot")
    assert with_bad.layout.xaxis.range[0] < 10
    assert not with_bad.layout.annotations


def test_what_is_not_exact_is_hollow_and_what_is_not_there_keeps_its_place_in_the_legend() -> None:
    coarse = evaluation({"c": 1.0}, 700, 400, seen=900)
    frontier = by_uid(sw.soup.figures.frontier(ALONE, coarse, None, "zero-shot"))
    assert frontier["here"].marker.symbol == "circle-open"
    assert (frontier["ensemble"].x, frontier["ensemble"].name) == ((None,), "ensemble of the same members")
    splits = by_uid(sw.soup.figures.splits(coarse))
    assert splits["here"].marker.symbol == ("circle-open",) * 3
    assert splits["ensemble"].x == (None,)
    exact = sw.soup.figures.splits(SOUP, ENSEMBLE, {"best": ALONE["b"]})
    assert by_uid(exact)["here"].marker.symbol == ("circle",) * 3
    assert by_uid(exact)["ensemble"].x == pytest.approx((82.5, 82.5, 53))
    assert by_uid(exact)["reference-fine-tuned"].x == pytest.approx((81, 81, 52))
    # A soup that moves has the same traces: the front end moves its marks, and draws nothing anew.
    for one, other in ((frontier, by_uid(FIGURES["soup_frontier"]())), (splits, by_uid(sw.soup.figures.splits(SOUP)))):
        assert [(uid, t.name) for uid, t in one.items()] == [(uid, t.name) for uid, t in other.items()]


def test_axes_stand_still_while_a_soup_moves_a_little() -> None:
    axes = [
        sw.soup.figures.frontier(ALONE, evaluation({"a": 1, "b": i}, 815 + i, 530 + i)).layout.xaxis for i in range(3)
    ]
    assert axes[0] == axes[1] == axes[2]
    outside = sw.soup.figures.frontier(ALONE, evaluation({"a": 1}, 950, 530)).layout
    assert outside.xaxis.range[1] > 95


def test_each_candidate_has_one_tick() -> None:
    axis = FIGURES["greedy_trace"]().layout.xaxis
    assert (axis.tick0, axis.dtick) == (1, 1)
    many = GreedySoup(GREEDY.recipe, GREEDY.steps * 6)
    assert sw.soup.figures.greedy_trace(many).layout.xaxis.dtick == 2


def test_greedy_trace_tells_bounds_from_accuracies() -> None:
    traces = by_uid(FIGURES["greedy_trace"]())
    assert traces["taken"].x == (1, 3)
    assert traces["bound"].x == (2,)
    assert traces["left"].x == (4,)
    assert traces["held"].y == pytest.approx((80, 80, 81, 81))
    assert (traces["here"].x, traces["here"].y) == ((3,), (81,))
    assert "at most 79.50% with it: left out (after 20 of 100 examples)" in sw.soup.figures.greedy_sentence(GREEDY, 2)
    assert sw.soup.figures.greedy_sentence(GREEDY, 1) == "Step 1 of 4: a is the first, with 80.00%."


def test_pairs_and_formula() -> None:
    text = sw.figures.text_alternative(FIGURES["pair_gains"]())
    assert "Averaging gains +2.00 points" in text
    assert "Correlation of angle and gain: 1.00" in text
    traces = by_uid(FIGURES["soup_ensemble"]())
    assert traces["pairs"].x == pytest.approx((0.25 / 2 * 0.06,))
    assert traces["pairs"].y == pytest.approx((0.01,))
    points = by_uid(FIGURES["hyperparameter"]())["ingredients"]
    assert (points.x, points.y) == ((1e-3, 2e-3), (80, 81))


def test_learned_trace_and_coefficients_by_tensor() -> None:
    traces = by_uid(FIGURES["learned_trace"]())
    assert traces["ingredient-0"].y == (0.25, 0.5, 0.7)
    # What is left has its own name, if it is one.
    assert traces["ingredient-3"].name == "d"
    assert "epoch 2: loss 0.4000 nats, accuracy 82.00%" in sw.figures.text_alternative(FIGURES["learned_trace"]())
    heat = by_uid(FIGURES["by_tensor"]())["coefficients"]
    assert heat.y == ("head.weight", "visual.conv1.weight", "visual.proj")
    assert [list(row) for row in heat.z] == [[1.0, 0.0], [0.5, 0.5], [0.2, 0.8]]
    assert "a from 0.200 to 1.000 (mean 0.567)" in sw.figures.text_alternative(FIGURES["by_tensor"]())
    with pytest.raises(ValueError, match="empty"):
        sw.soup.figures.by_tensor(Recipe({}), ["x"])


def test_the_curve_tells_images_that_move_from_images_that_judge() -> None:
    figure = FIGURES["learned_curve"]()
    traces = by_uid(figure)
    assert (traces["loss-moved"].x, traces["loss-moved"].y) == ((1, 2), (0.5, 0.4))
    assert (traces["loss-held-out"].x, traces["loss-held-out"].y) == ((0, 1, 2), (0.6, 0.45, 0.55))
    assert traces["band-loss"].y == (0.7, 0.5, 0.6, 0.5, 0.4, 0.5)
    assert traces["accuracy-moved"].y == pytest.approx((81, 85))
    assert traces["accuracy-held-out"].y == pytest.approx((60, 80, 70))
    # 8 of 10 right, by Clopper and Pearson.
    assert traces["band-accuracy"].y[4] == pytest.approx(44.39, abs=0.01)
    assert figure.layout.shapes[0].x0 == JUDGED.taken == 1
    text = sw.figures.text_alternative(figure)
    assert "Epoch 1 of 2 is taken: the lowest loss (0.4500) on 10 of 50 validation images" in text
    assert "Epoch 2: loss 0.4000 on examples that move coefficients, held-out loss 0.5500 [0.5000 to 0.6000]" in text
    assert "Epoch 1 of 2 is taken" in sw.figures.text_alternative(sw.soup.figures.learned_trace(JUDGED))
    # Without images that judge there is one line, and without right and wrong one panel.
    plain = sw.soup.figures.learned_curve(LEARNED)
    assert not {"loss-held-out", "band-loss"} & set(by_uid(plain))
    assert not plain.layout.shapes
    numbers = LearnedSoup(LEARNED.recipe, 1.0, (LearnedEpoch(0.5, None, 1.0, {"a": 1.0}),))
    assert set(by_uid(sw.soup.figures.learned_curve(numbers))) == {"loss-moved"}
