from __future__ import annotations

import pytest

from soupwidgets import Evaluator, Pool, PoolError, Recipe, SoupWarning, alpha_sweep, uniform_soup, wise_ft
from soupwidgets.evaluation import coarse_to_fine
from soupwidgets.methods.sweep import alpha_grid
from tests.fixtures import SMALL_SHIFT


def test_oracle_alpha_is_the_best_under_shift(small_evaluator: Evaluator) -> None:
    sweep = alpha_sweep(small_evaluator, "ft-03", alphas=3, progress=False)
    means = {alpha: sweep[alpha].shift_accuracy for alpha in sweep.alphas}
    assert means[sweep.oracle_alpha()] == max(means.values())
    assert sweep[sweep.oracle_alpha("blur")].accuracy["blur"] == max(sweep[a].accuracy["blur"] for a in sweep.alphas)


def test_wise_ft_is_the_line(tiny_pool: Pool) -> None:
    assert wise_ft(tiny_pool, "ft-a", 0) == Recipe({"zero-shot": 1})
    assert wise_ft(tiny_pool, "ft-a", 1) == Recipe({"ft-a": 1})
    assert wise_ft(tiny_pool, "ft-a", 0.25) == Recipe({"zero-shot": 0.75, "ft-a": 0.25})
    assert wise_ft(tiny_pool, "zero-shot", 0.25) == Recipe({"zero-shot": 1})
    with pytest.raises(PoolError, match="nobody"):
        wise_ft(tiny_pool, "nobody", 0.5)


def test_wise_ft_of_a_soup(tiny_pool: Pool) -> None:
    soup = uniform_soup(tiny_pool)
    assert wise_ft(tiny_pool, soup, 0.5) == Recipe({"zero-shot": 0.5, "ft-a": 0.25, "ft-b": 0.25})


def test_the_zero_shot_model_in_a_uniform_soup_is_pointed_out(tiny_pool: Pool) -> None:
    with pytest.warns(SoupWarning, match=r"'zero-shot' is the zero-shot model.* by 1/2 of the way") as caught:
        assert uniform_soup(tiny_pool, ["zero-shot", "ft-a"]) == Recipe({"ft-a": 0.5, "zero-shot": 0.5})
    assert caught[0].filename == __file__


def test_uniform_soup(tiny_pool: Pool) -> None:
    assert uniform_soup(tiny_pool) == Recipe({"ft-a": 0.5, "ft-b": 0.5})
    with pytest.raises(ValueError, match="at least one"):
        uniform_soup(tiny_pool, [])
    with pytest.raises(ValueError, match="twice"):
        uniform_soup(tiny_pool, ["ft-a", "ft-a"])


@pytest.mark.parametrize("count", [2, 3, 11, 21, 22])
def test_coarse_to_fine_visits_each_point_once_and_ends_first(count: int) -> None:
    order = list(coarse_to_fine(count))
    assert sorted(order) == list(range(count))
    assert order[:2] == [0, count - 1]


def test_alpha_grid() -> None:
    assert alpha_grid([1, 0, 0.5, 0.5]) == [0, 0.5, 1]
    assert alpha_grid(21)[10] == 0.5
    for bad in (1, [], [float("nan")]):
        with pytest.raises(ValueError):
            alpha_grid(bad)


def test_sweep_holds_the_evaluators_numbers(tiny_evaluator: Evaluator) -> None:
    sweep = alpha_sweep(tiny_evaluator, "ft-a", alphas=3, splits=["val", "blur"], progress=False)
    assert sweep.alphas == [0, 0.5, 1]
    assert len(sweep) == 3
    half = tiny_evaluator.evaluate(wise_ft(tiny_evaluator.pool, "ft-a", 0.5), ["val", "blur"])
    assert sweep[0.5].accuracy == half.accuracy
    frame = sweep.to_frame()
    assert len(frame) == 6
    row = frame[(frame.alpha == 0.5) & (frame.split == "blur")].iloc[0]
    assert (row.accuracy, row.correct, row.n) == (half.accuracy["blur"], half.scores["blur"].correct, SMALL_SHIFT)
    values = {alpha: sweep[alpha].accuracy["val"] for alpha in sweep.alphas}
    assert sweep.best_alpha() == min(a for a, v in values.items() if v == max(values.values()))


def test_sweep_goes_on_where_it_was_stopped(tiny_evaluator: Evaluator) -> None:
    alpha_sweep(tiny_evaluator, "ft-a", alphas=[0, 1], splits=["blur"], progress=False)
    before = tiny_evaluator.forward_images
    alpha_sweep(tiny_evaluator, "ft-a", alphas=[0, 0.5, 1], splits=["blur"], progress=False)
    assert tiny_evaluator.forward_images == before + SMALL_SHIFT
