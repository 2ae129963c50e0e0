from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import soupwidgets as sw
from soupwidgets import Recipe
from soupwidgets.evaluation import Evaluation, SplitScore
from soupwidgets.stats.estimate import Estimate
from soupwidgets.stats.paired import mcnemar
from soupwidgets.topics.diversity.helpers import HelperStep
from soupwidgets.topics.diversity.matrices import DiversityMatrix
from soupwidgets.topics.diversity.ordering import ordered
from soupwidgets.topics.diversity.pairs import PairDiversity
from soupwidgets.topics.diversity.specialists import ClassSpecialist, Specialisation
from soupwidgets.topics.diversity.trend import divergence_trend


def pair(first: str, second: str, level: str, only: tuple[int, int], accuracies: tuple[float, float]) -> PairDiversity:
    mean = Estimate(sum(only) / 4000, -0.01, 0.05)
    return PairDiversity(
        first, second, "test", 1000, level, accuracies, 500, *only, 0.8, Estimate(0.7, 0.6, 0.8),
        0.8, sum(only) // 2, mean, mean,
    )  # fmt: skip


MATRIX = DiversityMatrix(
    ("a", "b", "<c>"),
    "test",
    (
        pair("a", "b", "reinit", (50, 30), (0.8, 0.7)),
        pair("a", "<c>", "architecture", (120, 100), (0.8, 0.9)),
        pair("b", "<c>", "architecture", (110, 100), (0.7, 0.9)),
    ),
    3,
)
RIGHT = np.array([[True, True], [True, False], [False, True], [False, False], [True, False]])
SURE = Specialisation("a", "<c>", "test", np.array([[0.9, 0.9], [0.8, 0.3], [0.4, 0.7], [0.5, 0.5], [0.9, 0.2]]), RIGHT)
CLASSES = [
    ClassSpecialist("cat", 100, (0.9, 0.7), mcnemar(np.arange(100) < 90, np.arange(100) < 70), 0.001),
    ClassSpecialist("dog", 100, (0.5, 0.52), mcnemar(np.arange(100) < 50, np.arange(100) < 52), 0.5),
]


def step(name: str, val: int, test: int) -> HelperStep:
    scores = {
        "val": SplitScore("validation", 1000, 1000, val, 0.1),
        "test": SplitScore("id_test", 1000, 1000, test, 0.1),
    }
    return HelperStep(name, 0.6, Evaluation(Recipe({name: 1}), scores))


STEPS = [step("a", 800, 790), step("<c>", 820, 815)]
FIGURES: dict[str, Callable[[], Any]] = {
    "matrix": lambda: sw.diversity.figures.matrix(MATRIX),
    "kappa": lambda: sw.diversity.figures.matrix(MATRIX, "kappa", ["<c>", "a", "b"]),
    "strip": lambda: sw.diversity.figures.divergence_strip(MATRIX, "error_inconsistency", divergence_trend(MATRIX, 50)),
    "confidences": lambda: sw.diversity.figures.confidences(SURE),
    "specialists": lambda: sw.diversity.figures.specialists(CLASSES, "a", "<c>"),
    "helpers": lambda: sw.diversity.figures.helpers(STEPS, "val", "test"),
}


def traces(figure: Any) -> dict[str, Any]:
    return {trace.uid: trace for trace in figure.data}


@pytest.mark.parametrize("name", FIGURES)
def test_titles_words_and_names_as_text(name: str) -> None:
    figure = FIGURES[name]()
    assert figure.layout.title.text
    assert len(sw.figures.text_alternative(figure)) > 60
    assert all(trace.uid for trace in figure.data)
    layout = {k: v for k, v in figure.layout.to_plotly_json().items() if k != "meta"}
    assert "<c>" not in str(layout)
    assert not any("<c>" in str(trace.name) + str(trace.text) + str(trace.hovertext) for trace in figure.data)


def test_the_matrix_has_numbers_pairs_and_an_order() -> None:
    z = np.array(FIGURES["matrix"]().data[0].z, dtype=float)
    assert (z[0, 1], z[2, 0]) == pytest.approx((8.0, 22.0))
    assert np.isnan(z[0, 0])
    turned = FIGURES["kappa"]().data[0]
    assert list(turned.x) == ["&lt;c&gt;", "a", "b"]
    assert list(turned.customdata[0][1]) == ["<c>", "a"]
    assert ordered(MATRIX, "by accuracy") == ["<c>", "a", "b"]
    together = ordered(MATRIX, "similar together")
    assert abs(together.index("a") - together.index("b")) == 1
    assert "Highest 22 (a and <c>)" in sw.figures.text_alternative(FIGURES["matrix"]())


def test_levels_have_their_means_in_order() -> None:
    found = traces(FIGURES["strip"]())
    assert found["means"].y == pytest.approx((8.0, 21.5))
    assert list(FIGURES["strip"]().layout.xaxis.ticktext) == ["reinit", "architecture"]
    assert "Rank correlation" in sw.figures.text_alternative(FIGURES["strip"]())


def test_images_stand_by_who_is_right() -> None:
    found = traces(FIGURES["confidences"]())
    assert [len(found[f"case-{i}"].x) for i in range(4)] == [1, 1, 2, 1]
    assert list(found["case-2"].x) == [0.8, 0.9]
    assert "only a right 2" in sw.figures.text_alternative(FIGURES["confidences"]())


def test_classes_and_helpers_have_their_numbers() -> None:
    found = traces(FIGURES["specialists"]())
    assert (list(found["clear"].x), list(found["chance"].x)) == (pytest.approx([-20.0]), pytest.approx([2.0]))
    grown = traces(FIGURES["helpers"]())
    assert list(grown["reported"].y) == pytest.approx([79.0, 81.5])
    assert list(grown["chose"].x) == ["a", "+ &lt;c&gt;"]
