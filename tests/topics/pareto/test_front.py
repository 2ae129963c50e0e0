"""Fronts, knees and preferences against numbers by hand and another library's sorting."""

from __future__ import annotations

import numpy as np
import pytest
from pymoo.decomposition.asf import ASF
from pymoo.util.nds.non_dominated_sorting import NonDominatedSorting

from soupwidgets import Recipe, Suite
from soupwidgets.topics.pareto import Candidate, Objective, ParetoFront, figures, fit_surrogate
from soupwidgets.topics.pareto.designs import design
from soupwidgets.topics.pareto.front import undominated
from soupwidgets.topics.pareto.search import Sought, losses, predicted_front, towards

VAL, FOG = Objective("val", "val", "accuracy", "validation"), Objective("fog", "fog", "accuracy", "shift")


def front(*values: tuple[float, float], floors: dict[str, float] | None = None) -> ParetoFront:
    measured = tuple(Candidate(Recipe({"a": 1 - i / 10, "b": i / 10}), one) for i, one in enumerate(values))
    return ParetoFront(("a", "b"), (VAL, FOG), floors or {}, measured)


CURVE = front((0.90, 0.50), (0.88, 0.68), (0.80, 0.70), (0.85, 0.60))


def test_the_front_by_hand() -> None:
    assert [one.values for one in CURVE.front] == [(0.80, 0.70), (0.88, 0.68), (0.90, 0.50)]
    # Scaled to 0..1 the middle one loses 0.2 and 0.1, the ends lose 1 and 0.
    assert CURVE.knee().values == (0.88, 0.68)
    assert CURVE.preferred([1, 0]).values == (0.90, 0.50)
    assert CURVE.preferred([0, 3]).values == (0.80, 0.70)
    assert CURVE.preferred([1, 1]).values == (0.88, 0.68)


def test_undominated_is_that_of_pymoo() -> None:
    rng = np.random.default_rng(0)
    for objectives in (2, 3):
        merits = rng.random((200, objectives)).round(2)
        found = undominated(merits)
        theirs = NonDominatedSorting().do(-merits, only_non_dominated_front=True)
        assert {tuple(merits[i]) for i in found} == {tuple(merits[i]) for i in theirs}
        assert len({tuple(merits[i]) for i in found}) == len(found)


def test_preferences_are_those_of_pymoo() -> None:
    merits = undominated_points()
    ideal, nadir = merits.max(axis=0), merits.min(axis=0)
    for weight in (0.2, 0.5, 0.77):
        weights = np.array([weight, 1 - weight])
        theirs = ASF().do((ideal - merits) / (ideal - nadir), 1 / weights)
        assert losses(merits, ideal, nadir, weights).argmin() == np.ravel(theirs).argmin()


def undominated_points() -> np.ndarray:
    angle = np.linspace(0, np.pi / 2, 40)
    return np.column_stack([np.cos(angle), 0.1 * np.sin(angle)])


def test_floors_leave_out() -> None:
    kept = front((0.90, 0.50), (0.88, 0.68), (0.80, 0.70), floors={"val": 0.85})
    assert [one.values[0] for one in kept.front] == [0.88, 0.90]
    none = front((0.90, 0.50), floors={"val": 0.95})
    with pytest.raises(ValueError, match=r"none of 1 measured recipes keeps val 0.95: ask for less"):
        none.knee()
    assert none.to_json()["knee"] is None


def test_less_can_be_better() -> None:
    rmse = Objective("val", "val", "rmse", "validation")
    measured = tuple(Candidate(Recipe({"a": 1 - x, "b": x}), v) for x, v in ((0, (3.0, 0.5)), (1, (2.0, 0.4))))
    found = ParetoFront(("a", "b"), (rmse, FOG), {"val": 2.5}, measured)
    assert [one.values for one in found.front] == [(2.0, 0.4)]


@pytest.mark.parametrize(("metric", "values"), [("accuracy", (0.8, 0.9)), ("rmse", (3.0, 2.0))])
def test_steps_go_around_what_is_beaten(metric: str, values: tuple[float, float]) -> None:
    """Between two neighbours lies a corner that is as bad as the worse of them in either."""
    pairs = zip((0.1, 0.2), values, strict=True)
    measured = tuple(Candidate(Recipe({"a": x, "b": 1 - x}), (value, 0.7 - x)) for x, value in pairs)
    found = ParetoFront(("a", "b"), (Objective("val", "val", metric, "validation"), FOG), {}, measured)
    drawn = figures.front.plain(found).trace("front")
    assert drawn["x"] == sorted(drawn["x"], reverse=metric == "rmse")
    # Upwards or downwards first: the corner has the first one's place across, and the second one's height.
    assert drawn["line"]["shape"] == "vh"
    # Across and up exchanged, the corner has the second one's place across, and the first one's height.
    assert figures.front.plain(found, "fog", "val").trace("front")["line"]["shape"] == "hv"


def test_a_metric_that_is_the_splits_own_is_not_said(small_suite: Suite) -> None:
    other = small_suite.scored_by("macro_f1")
    assert Objective.parse("val", other).metric == Objective.parse("val:macro_f1", other).metric == "macro_f1"
    for text in ("val", "val:accuracy"):
        assert Objective.parse(text, other).name == text


@pytest.mark.parametrize("weights", [[1], [1, -1], [0, 0], [float("nan"), 1], [1, 1, 1]])
def test_weights_that_are_none(weights: list[float]) -> None:
    with pytest.raises(ValueError, match="weights are one number for each of val, fog"):
        CURVE.preferred(weights)


def quadratics() -> Sought:
    """Merits that are best at (0.7, 0.3, 0) and at (0.2, 0.3, 0.5): the front is the line between them."""
    c = design(3, 20)
    surrogates = [
        fit_surrogate(c, -((c - np.array(best)) ** 2).sum(axis=1), share=False)
        for best in ((0.7, 0.3, 0.0), (0.2, 0.3, 0.5))
    ]
    return Sought(surrogates, np.ones(2), np.full(2, -np.inf))


def test_the_predicted_front_is_the_line_between_two_best_points() -> None:
    sought = quadratics()
    found = predicted_front(sought, np.empty((0, 3)))
    assert len(found) > 30
    # On the line the distances to its two ends add up to its length.
    together = np.sqrt(-np.minimum(sought.merits(found), 0)).sum(axis=1)
    np.testing.assert_allclose(together, np.sqrt(0.5), atol=0.02)
    assert found[:, 0].min() < 0.25
    assert found[:, 0].max() > 0.65


def test_floors_bind_the_search() -> None:
    sought = quadratics()
    kept = Sought(sought.surrogates, sought.signs, np.array([-0.1, -np.inf]))
    assert (kept.merits(predicted_front(kept, np.empty((0, 3))))[:, 0] >= -0.1 - 1e-9).all()
    impossible = Sought(sought.surrogates, sought.signs, np.array([0.1, -np.inf]))
    assert predicted_front(impossible, np.empty((0, 3))).shape == (0, 3)


def test_a_preference_is_met_where_weighted_losses_are_equal() -> None:
    sought = quadratics()
    # The ideal is 0 for both; at the other's best each loses 0.25 + 0.25.
    found = towards(sought, np.full(3, 1 / 3), np.array([0.5, 0.5]), [0.0, 0.0], [-0.5, -0.5])
    np.testing.assert_allclose(found, [0.45, 0.3, 0.25], atol=0.01)
    found = towards(sought, np.full(3, 1 / 3), np.array([1.0, 0.0]), [0.0, 0.0], [-0.5, -0.5])
    np.testing.assert_allclose(found, [0.7, 0.3, 0.0], atol=0.01)
