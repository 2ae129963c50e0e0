"""Estimates from predictions and a sample: right on average, honest with few images, exact with all."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import t as student

from soupwidgets.stats.estimate import Estimate
from soupwidgets.stats.margins import MarginModel
from soupwidgets.stats.prediction_powered import powered_accuracy, powered_mean
from soupwidgets.stats.sampling import Design, Proportional


def test_probabilities_add_up_to_the_number_of_images() -> None:
    sizes = np.array([0.01, 5.0, 1.0, 1.0, 0.5, 3.0])
    for count in range(1, 7):
        chances = np.minimum(1, Proportional(sizes).factor(count) * sizes)
        assert chances.sum() == pytest.approx(count)
    # The two largest are certain, and one more is shared out by size.
    assert np.minimum(1, Proportional(sizes).factor(3) * sizes)[[1, 5]].tolist() == [1, 1]


def test_images_are_seen_as_often_as_the_design_says() -> None:
    rng = np.random.default_rng(0)
    total, first, seen, draws = 60, 10, 25, 4000
    probability = np.linspace(0.001, 0.6, total)
    often, said = np.zeros(total), np.zeros(total)
    for _ in range(draws):
        design = Design.draw(rng.permutation(total), first, probability, rng.random(total))
        assert sorted(design.order) == list(range(total))
        often[design.order[:seen]] += 1 / draws
        said[design.order] += design.inclusion(seen) / draws
    assert np.abs(often - said).max() < 0.03
    assert said.min() < 0.3 < 0.9 * said.max()


def test_constant_predictions_give_the_plain_sample() -> None:
    """Cochran (1977), theorem 2.4 and equation 2.20: the mean, and its variance with the finite-population factor."""
    right = np.arange(50) < 35
    found = powered_accuracy(np.full(200, 0.7), right, np.full(200, 0.25))
    assert found.value == pytest.approx(0.7)
    # A line and a spread were fitted to the same images: three numbers less.
    variance = (1 - 50 / 200) * 0.7 * 0.3 / 50 * 50 / 47
    assert found.high - found.value == pytest.approx(student.ppf(0.975, 46) * np.sqrt(variance))


def test_with_all_images_seen_it_is_exact() -> None:
    right = np.arange(40) % 3 == 0
    assert powered_accuracy(np.full(40, 0.9), right, np.ones(40)) == Estimate(14 / 40, 14 / 40, 14 / 40)
    value, error = powered_mean(np.zeros(40), right.astype(float), np.ones(40))
    assert (value, error) == (pytest.approx(14 / 40), 0)


def test_no_more_is_claimed_than_the_images_leave_possible() -> None:
    right = np.arange(95) < 94
    found = powered_accuracy(np.full(100, 0.99), right, np.full(100, 0.95))
    assert 0.94 <= found.low <= found.high <= 0.99
    with pytest.raises(ValueError, match="too few"):
        powered_accuracy(np.full(100, 0.9), right[:4], np.full(100, 0.04))


def _draw(rng: np.random.Generator, margins: NDArray[np.float64], truth: NDArray[np.float64], seen: int) -> Estimate:
    """As an evaluation does it: a plain sample, a fit, an order by uncertainty, a fit to all that was seen."""
    typical, first = float(np.median(np.abs(margins))), 32
    plain = rng.permutation(len(margins))
    model = MarginModel.fit(margins[plain[:first]], truth[plain[:first]], typical)
    design = Design.draw(plain, first, model.probability(margins), rng.random(len(margins)))
    rows = design.order[:seen]
    model = MarginModel.fit(margins[rows], truth[rows], typical)
    return powered_accuracy(model.probability(margins)[design.order], truth[rows] > 0, design.inclusion(seen))


@pytest.mark.parametrize(
    "noise", [0.003, 0.05, 0.3, 1.0, 10.0], ids=["sure", "close", "rough", "poor", "worth nothing"]
)
@pytest.mark.parametrize("seen", [32, 64, 320])
def test_intervals_hold_whatever_predictions_are_worth(noise: float, seen: int) -> None:
    rng = np.random.default_rng(0)
    margins = rng.normal(1.2, 1.5, 1250)
    # Bent as well as noisy: the line of the model is not the truth.
    truth = margins - 0.1 * noise * margins**2 / 3 + noise * rng.standard_t(5, 1250)
    share = float((truth > 0).mean())
    found = [_draw(rng, margins, truth, seen) for _ in range(600)]
    held = np.mean([one.low <= share <= one.high for one in found])
    assert held >= 0.93
    error = np.array([one.value - share for one in found])
    assert abs(error.mean()) < max(4 * error.std() / np.sqrt(len(found)), 2 / 1250)
    plain = 1.96 * np.sqrt(share * (1 - share) / seen * (1 - seen / 1250))
    widths = np.mean([(one.high - one.low) / 2 for one in found])
    assert widths < (1.15 if noise > 1 else 1.05) * plain
    if noise < 0.01:
        assert widths < plain / 10


def test_the_mean_of_a_number_is_right_on_average() -> None:
    rng = np.random.default_rng(2)
    total, seen, first = 500, 100, 32
    predicted = rng.exponential(1, total)
    numbers = 2 * predicted + rng.normal(0, 0.3, total) + 0.2 * predicted**2
    probability = 1 / (1 + np.exp(predicted - 1))
    off, said = [], []
    for _ in range(400):
        design = Design.draw(rng.permutation(total), first, probability, rng.random(total))
        value, error = powered_mean(predicted[design.order], numbers[design.order[:seen]], design.inclusion(seen))
        off.append(value - numbers.mean())
        said.append(error)
    assert abs(np.mean(off)) < 0.25 * np.std(off)
    assert np.mean(said) == pytest.approx(np.std(off), rel=0.2)
