from __future__ import annotations

import numpy as np
import pytest

import soupwidgets as sw
from soupwidgets import Recipe
from soupwidgets.evaluation import Evaluation, SplitScore
from soupwidgets.figures.scales import accuracy_axis, off_scale, place
from soupwidgets.topics.frontier.models import Frontier, FrontierModel


def model(name: str, kind: str, test: int, fog: int, snow: int, n: int = 1000, **more: object) -> FrontierModel:
    scores = {
        "test": SplitScore("id_test", n, n, test, 0.5),
        "fog": SplitScore("shift", n, n, fog, 0.5),
        "snow": SplitScore("shift", n, n, snow, 0.5),
    }
    return FrontierModel(name, kind, Evaluation(Recipe({name: 1}), scores), **more)


@pytest.fixture
def front() -> Frontier:
    return Frontier(
        (
            model("zero", "zero-shot", 700, 600, 640),
            model("a", "fine-tuned", 800, 500, 520, hyperparameters={"lr": 1e-5, "note": "<b>&"}),
            model("b", "fine-tuned", 820, 450, 500, hyperparameters={"lr": 1e-3}),
            model("a at alpha 0.5", "WiSE-FT", 790, 610, 600, alpha=0.5, fine_tuned="a", hyperparameters={"lr": 1e-5}),
            model("soup", "soup", 830, 520, 540),
        ),
        ("fog", "snow"),
    )


def trace(figure: object, uid: str):
    return next(t for t in figure.data if t.uid == uid)


def test_points_curves_and_words(front: Frontier) -> None:
    figure = sw.frontier.figures.models(front)
    assert list(trace(figure, "fine-tuned").x) == [80, 82]
    assert list(trace(figure, "fine-tuned").y) == [51, 47.5]
    assert [c[0] for c in trace(figure, "fine-tuned").customdata] == ["a", "b"]
    assert list(trace(figure, "curves").x) == [70, 79, 80, None]
    assert list(trace(figure, "pareto").x) == [70, 79, 83]
    text = sw.figures.text_alternative(figure)
    assert "5 models" in text
    assert "Highest ID: soup (ID 83.0%, OOD 53.0%)" in text
    assert list(trace(sw.frontier.figures.models(front, "fog"), "soup").y) == [52]
    hover = trace(figure, "fine-tuned").text[0]
    assert "lr: 1e-05" in hover
    assert "&lt;b&gt;&amp;" in hover
    assert "[77.38%, 82.44%]" in hover  # Clopper-Pearson of 800 of 1,000


@pytest.mark.parametrize("scale", ["logit", "probit"])
def test_scales_have_ticks_in_percent(front: Frontier, scale: sw.stats.Scale) -> None:
    figure = sw.frontier.figures.models(front, scale=scale)
    assert list(trace(figure, "soup").x) == pytest.approx([float(sw.stats.to_scale(0.83, scale))])
    axis = figure.layout.xaxis
    for where, words in zip(axis.tickvals, axis.ticktext, strict=True):
        assert 100 * float(sw.stats.from_scale(where, scale)) == pytest.approx(float(words))
    assert 4 <= len(axis.tickvals) <= 10
    assert f"({scale} scale)" in axis.title.text
    low, high = axis.range
    assert all(low < x < high for x in trace(figure, "fine-tuned").x)
    # A wide range has ticks that come closer to 0 and 100.
    assert accuracy_axis("x", [0.002, 0.998], scale=scale)["ticktext"][:3] == ["0.1", "0.5", "1"]


def test_accuracies_of_exactly_none_or_all_are_marked() -> None:
    front = Frontier(
        (model("none", "fine-tuned", 0, 0, 0), model("all", "fine-tuned", 1000, 1000, 1000)), ("fog", "snow")
    )
    figure = sw.frontier.figures.models(front, scale="logit")
    assert np.isfinite(trace(figure, "fine-tuned").x).all()
    assert list(trace(figure, "fine-tuned").marker.symbol) == ["diamond-open", "diamond-open"]
    assert not off_scale(0, "linear")
    assert place(0, "linear") == 0
    assert list(trace(sw.frontier.figures.models(front), "fine-tuned").marker.symbol) == ["diamond", "diamond"]


def test_colours_by_number_and_by_word(front: Frontier) -> None:
    tuned = trace(sw.frontier.figures.models(front, colour="lr"), "fine-tuned").marker
    assert list(tuned.color) == [-5, -3]  # ten times apart and more: by the logarithm
    assert tuned.colorbar.ticktext[0] == "1.0e-05"
    words = trace(sw.frontier.figures.models(front, colour="note"), "fine-tuned").marker
    assert words.color[0] != words.color[1]
    assert (
        trace(sw.frontier.figures.models(front, colour="lr"), "soup").marker.color
        == trace(sw.frontier.figures.models(front), "soup").marker.color
    )


def test_baseline_context_and_choice(front: Frontier) -> None:
    points = {n: p for n, p in front.points("fog").items() if n in ("a", "b", "soup")}
    line = sw.frontier.fit_baseline(points, "logit")
    context = {f"other {i}": next(iter(points.values())) for i in range(3)}
    figure = sw.frontier.figures.models(front, "fog", "logit", baseline=line, context=context, chosen=["b"])
    drawn = trace(figure, "baseline")
    middle = len(drawn.x) // 2
    share = sw.stats.from_scale(drawn.x[middle], "logit")
    assert float(sw.stats.from_scale(drawn.y[middle], "logit")) == pytest.approx(float(line.predict(share)))
    assert len(trace(figure, "context").x) == 3
    assert list(trace(figure, "chosen").x) == [*list(trace(figure, "fine-tuned").x)[1:], None]
    assert "slope" in sw.figures.text_alternative(figure)
    assert "Chosen: b" in sw.figures.text_alternative(figure)
    again = sw.frontier.figures.models(front, "fog", "logit", baseline=line, context=context, chosen=["a", "soup"])
    assert len(trace(again, "chosen").x) == 3  # the third is nowhere
    # Everything else stays as it was, so that on screen nothing else moves.
    changed = [t.uid for t, u in zip(figure.data, again.data, strict=True) if t.to_plotly_json() != u.to_plotly_json()]
    assert set(changed) <= {"chosen", "names"}


def test_every_mark_and_line_has_a_name(front: Frontier) -> None:
    context = {"other <1>": front.points()["a"]}
    figure = sw.frontier.figures.models(front, context=context)
    assert set(trace(figure, "names").text) == {"zero", "a", "b", "soup", ""}  # the points of a curve would be too many
    assert set(trace(sw.frontier.figures.models(front, chosen=["a at alpha 0.5"]), "names").text) > {"a at alpha 0.5"}
    text = sw.figures.text_alternative(figure)
    assert "Lines lead from the zero-shot model to a." in text
    assert "1 published models: other <1> (ID 80.0%, OOD 51.0%)" in text
    assert "as good under shift" in trace(figure, "diagonal").hovertemplate


def test_wide_pools_are_drawn_by_the_graphics_card() -> None:
    rng = np.random.default_rng(0)
    many = [model(f"m{i}", "fine-tuned", *(int(v) for v in rng.integers(300, 900, 3))) for i in range(2000)]
    figure = sw.frontier.figures.models(Frontier(tuple(many), ("fog", "snow")))
    assert trace(figure, "fine-tuned").type == "scattergl"
    assert (
        trace(sw.frontier.figures.models(Frontier(tuple(many[:50]), ("fog", "snow"))), "fine-tuned").type == "scatter"
    )


def test_a_diverged_model_is_far_below_and_said_to_be() -> None:
    models = [model(f"m{i}", "fine-tuned", 800 + i, 500, 500) for i in range(8)]
    lost = model("<lost>", "bad ingredient", 100, 100, 100)
    figure = sw.frontier.figures.models(Frontier((*models, lost), ("fog", "snow")))
    assert figure.layout.xaxis.range[0] > 70
    assert "&lt;lost&gt;" in figure.layout.annotations[0].text


def test_a_model_without_the_hyperparameter_is_pale(front: Frontier) -> None:
    bare = model("c", "fine-tuned", 810, 480, 510)
    tuned = trace(
        sw.frontier.figures.models(Frontier((*front.models, bare), ("fog", "snow")), colour="lr"), "fine-tuned"
    ).marker
    assert list(tuned.color) == [-5, -3, sw.figures.colours.PALE]
