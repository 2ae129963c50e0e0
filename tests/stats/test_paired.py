"""Two models on the same examples, by any metric."""

from __future__ import annotations

import numpy as np
import pytest

from soupwidgets.stats import METRICS, Metric, mcnemar, paired_difference

RNG = np.random.default_rng(0)


def test_of_right_answers_it_is_the_interval_of_mcnemar() -> None:
    labels = RNG.integers(0, 3, 300)
    first, second = (np.where(RNG.random(300) < p, labels, RNG.integers(0, 3, 300)) for p in (0.5, 0.8))
    found = paired_difference(METRICS["accuracy"], first, second, labels)
    wald = mcnemar(first == labels, second == labels)
    assert found.difference == pytest.approx(wald.difference)
    # One divides by n - 1, the other by n.
    assert found.interval == pytest.approx(wald.interval, abs=1e-3)


def test_a_mean_of_scores_by_hand() -> None:
    error = Metric("error", lambda y, t: abs(y - t), higher_is_better=False)
    targets = np.zeros(4)
    found = paired_difference(error, np.array([1.0, 2, 3, 4]), np.array([2.0, 2, 5, 5]), targets)
    # Differences 1, 0, 2, 1: mean 1, standard deviation sqrt(2 / 3).
    margin = 1.959964 * np.sqrt(2 / 3) / 2
    assert found.difference == 1
    assert found.interval == pytest.approx((1 - margin, 1 + margin), rel=1e-6)


@pytest.mark.parametrize("name", ["r2", "rmse", "macro_f1", "balanced_accuracy", "average_precision"])
def test_what_only_all_examples_have_is_resampled(name: str) -> None:
    metric = METRICS[name]
    if name in ("r2", "rmse"):
        targets = RNG.standard_normal(150)
        outputs = [(targets + scale * RNG.standard_normal(150))[:, None] for scale in (0.9, 0.5)]
    elif name == "average_precision":
        targets = RNG.integers(0, 2, (150, 3))
        outputs = [targets + scale * RNG.standard_normal((150, 3)) for scale in (2, 0.6)]
    else:
        targets = RNG.integers(0, 3, 150)
        outputs = [np.where(RNG.random(150) < p, targets, RNG.integers(0, 3, 150)) for p in (0.3, 0.8)]
    found = paired_difference(metric, *outputs, targets)
    first, second = (metric.measure(one, targets).value for one in outputs)
    assert found.difference == pytest.approx(second - first, abs=1e-12)
    low, high = found.interval
    assert low < found.difference < high
    # The second is clearly better, in the direction of the metric.
    assert (low > 0) if metric.higher_is_better else (high < 0)
    same = paired_difference(metric, outputs[0], outputs[0], targets)
    assert (same.difference, same.interval) == (0, (0, 0))


def test_a_paired_bootstrap_covers_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(1)
    covered = 0
    for _ in range(100):
        targets = rng.standard_normal(100)
        noise = rng.standard_normal(100)
        # Errors that share most of their noise: the true roots are 1 and 1.1 x 1.
        outputs = [(targets + scale * noise)[:, None] for scale in (1.0, 1.1)]
        found = paired_difference(METRICS["rmse"], *outputs, targets, draws=100)
        covered += found.interval[0] <= 0.1 <= found.interval[1]
    assert covered >= 85


def test_other_examples_are_refused() -> None:
    with pytest.raises(ValueError, match="3 and 4 outputs do not belong to 4 examples"):
        paired_difference(METRICS["accuracy"], np.zeros(3), np.zeros(4), np.zeros(4))
