"""Coarse answers that neighbours in the store predict, on the real models of the small suite."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from soupwidgets import Evaluator, Pool, Recipe, Store, Suite, wise_ft
from soupwidgets.evaluation.forecast import FIRST, Forecast
from soupwidgets.evaluation.sharing import Share
from soupwidgets.suites import Split


@pytest.fixture(scope="module")
def own(pool: Pool, small_suite: Suite, tmp_path_factory: pytest.TempPathFactory) -> Evaluator:
    """With some alphas of one path in its store, and nothing else."""
    ev = Evaluator(pool, small_suite, device="cpu", store=Store(tmp_path_factory.mktemp("path-store")))
    for alpha in (0.0, 0.2, 0.4, 0.6, 0.8, 1.0):
        ev.evaluate(wise_ft(pool, "ft-03", alpha), ["test", "rotate"])
    return ev


def test_neighbours_make_coarse_answers_fine(own: Evaluator, pool: Pool, tmp_path: Path) -> None:
    recipe = wise_ft(pool, "ft-03", 0.5)
    plain = Evaluator(pool, own.suite, device="cpu", store=Store(tmp_path / "empty"))
    alone = list(plain.stream(recipe, ["test", "rotate"]))
    steps = list(own.stream(recipe, ["test", "rotate"]))
    assert [score.seen for score in steps[0].scores.values()] == [FIRST, FIRST]
    for name in ("test", "rotate"):
        exact = steps[-1][name]
        by_images = {step[name].seen: step[name] for step in steps}
        coarse, usual = by_images[64], {step[name].seen: step[name] for step in alone}[64]
        assert coarse.words.endswith(f"predicted from neighbours, checked on 64 of {exact.total} images")
        assert coarse.interval[0] <= exact.accuracy <= coarse.interval[1]
        assert np.diff(coarse.interval) < np.diff(usual.interval) / 5
        assert coarse.loss == pytest.approx(exact.loss, rel=0.02)
        assert coarse.loss_interval is not None
        assert np.ptp(coarse.loss_interval) < 0.2 * np.ptp(np.asarray(usual.loss_interval))
    assert own.forward_images == 7 * sum(score.total for score in steps[-1].scores.values())


def test_the_end_is_what_it_is_without_neighbours(own: Evaluator, pool: Pool, tmp_path: Path) -> None:
    recipe = wise_ft(pool, "ft-03", 0.3)
    plain = Evaluator(pool, own.suite, device="cpu", store=Store(tmp_path / "empty"))
    mine, theirs = own.evaluate(recipe, "test"), plain.evaluate(recipe, "test")
    score = mine["test"]
    assert score.exact
    assert score.estimate is None
    assert score.correct == theirs["test"].correct
    assert score.loss == pytest.approx(theirs["test"].loss, rel=1e-6)
    assert score.loss_sd == pytest.approx(theirs["test"].loss_sd, rel=1e-5)
    np.testing.assert_allclose(mine.logits["test"], theirs.logits["test"], atol=1e-5)
    split = own.suite.splits["test"]
    assert own.key(recipe, split) == plain.key(recipe, split)
    assert own.stored(recipe, "test") is not None


def test_without_neighbours_nothing_changes(tiny_evaluator: Evaluator) -> None:
    tiny_evaluator.evaluate("zero-shot", "rotate")
    step = next(tiny_evaluator.stream("ft-a", "rotate"))
    assert step["rotate"].seen == 64
    assert step["rotate"].estimate is None
    assert step["rotate"].words.endswith("of 64 of 200 images so far")


def test_neighbours_that_know_nothing_do_not_mislead(tiny_evaluator: Evaluator) -> None:
    """Random models: what two of them say of the third is worth nothing."""
    for name in ("zero-shot", "ft-a"):
        tiny_evaluator.evaluate(name, "val")
    steps = list(tiny_evaluator.stream("ft-b", "val"))
    exact = steps[-1]["val"].accuracy
    for step in steps[:-1]:
        assert step["val"].estimate is not None
        low, high = step["val"].interval
        assert low <= exact <= high


def test_another_process_hears_the_estimate(own: Evaluator, pool: Pool) -> None:
    recipe, split = wise_ft(pool, "ft-03", 0.7), own.suite.splits["test"]
    stream = own.stream(recipe, "test")
    first = next(stream)["test"]
    heard = Share(own.store.claims, own.key(recipe, split)).hear(split)
    assert heard == first
    assert heard.accuracy == first.accuracy
    stream.close()


def test_slices_of_a_split_and_layered_recipes_are_measured_plainly(own: Evaluator, pool: Pool) -> None:
    layered = Recipe({"ft-03": 0.5, "zero-shot": 0.5}, by_tensor={"head.weight": {"ft-03": 1.0}})
    assert next(own.stream(layered, "test"))["test"].estimate is None


def _split_of(own: Evaluator) -> tuple[Split, np.ndarray, np.ndarray]:
    split = own.suite.splits["test"]
    logits = [own.evaluate(wise_ft(own.pool, "ft-03", a), "test").split_logits("test") for a in (0.0, 1.0)]
    return split, logits[0], logits[1]


def test_a_wrong_forecast_is_found_out(own: Evaluator) -> None:
    """The fine-tuned model's logits as the forecast of the zero-shot one: over many orders, the truth is held."""
    split, truth, said = _split_of(own)
    share = float((truth.argmax(axis=1) == split.labels).mean())
    held, drawn = 0, 200
    for seed in range(drawn):
        forecast = Forecast(said, split.labels, np.random.default_rng(seed).permutation(len(split)), seed)
        seen = 0
        for stop in (FIRST, 64, 128):
            rows = forecast.order[seen:stop]
            logits = torch.from_numpy(truth[rows])
            right = logits.argmax(dim=1) == torch.from_numpy(split.labels[rows])
            forecast.add(logits, torch.zeros(len(rows)), right)
            seen = stop
        score = own.evaluate("zero-shot", "test")["test"]
        low, high = forecast.improve(type(score)("id_test", len(split), 128, 0, 0.0)).interval
        held += low <= share <= high
    assert held / drawn >= 0.92
