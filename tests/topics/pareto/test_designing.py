"""The loop on real models: what is said to be measured is, what is foretold is checked, nothing is made twice."""

from __future__ import annotations

import json

import numpy as np
import pytest

from soupwidgets import Evaluator, PoolError
from soupwidgets.topics.pareto import ParetoFront, pareto_front, preferred_recipe, stream_front, with_recipe
from soupwidgets.topics.pareto.designing import chosen_models, with_floors
from soupwidgets.topics.pareto.objective import values_of
from soupwidgets.topics.pareto.surrogate import term_count

NAMES = ["zero-shot", "ft-03", "ft-08"]
# Two small splits: a recipe takes a fifth of a second.
ASKED = ["val", "noise"]


@pytest.fixture(scope="module")
def found(small_evaluator: Evaluator) -> ParetoFront:
    return pareto_front(small_evaluator, NAMES, ASKED, rounds=1, progress=False)


def test_values_are_those_of_the_evaluator(small_evaluator: Evaluator, found: ParetoFront) -> None:
    assert found.done == found.total == len(found.measured) <= 3 * term_count(3)
    for one in found.measured:
        evaluation = small_evaluator.stored(one.recipe, ASKED)
        assert evaluation is not None
        np.testing.assert_array_equal(values_of(evaluation, found.objectives, small_evaluator.suite), one.values)
    # The judges saw the front and each model alone, and nothing else.
    alone = {one.recipe for one in found.measured if len(one.recipe) == 1}
    assert set(found.judged) == {one.recipe for one in found.front} | alone


def test_proposals_were_foretold_and_are_checked(found: ParetoFront) -> None:
    assert {one.round for one in found.measured} == {0, 1}
    assert all(bool(one.foretold) == (one.round == 1) for one in found.measured)
    known = {one.recipe for one in found.measured if one.round == 0}
    assert not known & {one.recipe for one in found.measured if one.round == 1}
    val, _ = found.checks()
    gaps = [one.values[0] - one.foretold[0][0] for one in found.measured if one.round == 1]
    assert val.recipes == len(gaps)
    assert val.error == pytest.approx(np.sqrt(np.mean(np.square(gaps))))
    assert val.largest == pytest.approx(max(map(abs, gaps)))


def test_it_goes_on_where_it_was_stopped(small_evaluator: Evaluator, found: ParetoFront) -> None:
    before = small_evaluator.forward_images
    again = pareto_front(small_evaluator, NAMES, ASKED, rounds=1, progress=False)
    assert small_evaluator.forward_images == before
    assert again.to_json() == found.to_json()
    json.dumps(again.to_json(), allow_nan=False)


def test_recipes_come_one_after_the_other(small_evaluator: Evaluator) -> None:
    seen = [len(one.measured) for one in stream_front(small_evaluator, NAMES, ASKED, rounds=1)]
    assert seen == sorted(seen)
    assert set(range(1, max(seen) + 1)) <= set(seen)


def test_a_preference_is_measured(small_evaluator: Evaluator, found: ParetoFront) -> None:
    point = preferred_recipe(found, [0.6, 0.4])
    more = with_recipe(small_evaluator, found, point)
    assert len(more.measured) == len(found.measured) + 1
    assert more.measured[-1].foretold
    assert set(more.judged) >= {one.recipe for one in more.front}


def test_floors(small_evaluator: Evaluator, found: ParetoFront) -> None:
    floor = float(np.median([one.values[0] for one in found.front]))
    kept = with_floors(found, {"val": floor})
    assert all(one.values[0] >= floor for one in kept.front)
    assert 0 < len(kept) < len(found)
    assert all(one.values[0][0] >= floor - 0.01 for one in kept.predicted)
    with pytest.raises(ValueError, match="a floor is of an objective, and 'test' is none: val, noise"):
        pareto_front(small_evaluator, NAMES, ASKED, floors={"test": 0.5}, progress=False)


def test_models(small_evaluator: Evaluator) -> None:
    assert chosen_models(small_evaluator, NAMES) == tuple(NAMES)
    with pytest.raises(ValueError, match="two to 8 models are mixed, got 1"):
        chosen_models(small_evaluator, NAMES[:1])
    with pytest.raises(PoolError, match="ft-99"):
        chosen_models(small_evaluator, ["zero-shot", "ft-99"])


def test_the_frame(found: ParetoFront) -> None:
    frame = found.to_frame()
    assert list(frame.columns) == [
        "name", "val", "val judged", "val low", "val high", "noise", "noise judged", "noise low", "noise high",
        *NAMES,
    ]  # fmt: skip
    np.testing.assert_allclose(frame[NAMES].sum(axis=1), 1)
    assert frame["val"].is_monotonic_increasing
    assert (frame["val low"] < frame["val judged"]).all()
    assert "measured" in repr(found)
    assert "<table" in found._repr_html_()
