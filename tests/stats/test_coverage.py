"""Do intervals hold the truth as often as they say? By simulation, with few images a class above all."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest

from soupwidgets.stats.intervals import class_mean_interval, clopper_pearson
from soupwidgets.stats.label_metrics import macro_f1, worst_group

SAMPLES = 400
RATES = {
    "all 0.5": np.full(12, 0.5),
    "all 0.8": np.full(12, 0.8),
    "all 0.97": np.full(12, 0.97),
    "half 0.3, half 0.95": np.tile([0.3, 0.95], 6),
    "certain but for two": np.array([0.5, 0.5, *[1.0] * 10]),
}
COUNTS = {
    **{f"{n} each": np.full(12, n) for n in (1, 2, 3, 5, 20)},
    "from 1 to 60": np.array([1, 1, 1, 2, 3, 4, 5, 8, 12, 20, 40, 60]),
    "1 or 20": np.array([1, 1, 1, 1, *[20] * 8]),
}


@pytest.mark.parametrize("counts", COUNTS)
@pytest.mark.parametrize("rates", RATES)
def test_class_means_are_held(counts: str, rates: str) -> None:
    rng = np.random.default_rng(0)
    n, truth = COUNTS[counts], RATES[rates]
    held = 0
    for _ in range(SAMPLES):
        low, high = class_mean_interval(rng.binomial(n, truth), n)
        held += low <= truth.mean() <= high
    assert held / SAMPLES >= 0.93


def test_many_classes_with_one_image_have_a_narrow_interval_that_holds() -> None:
    rng = np.random.default_rng(1)
    truth = rng.beta(4, 1, 1000)
    ones = np.ones(1000, dtype=int)
    found = np.array([class_mean_interval(rng.binomial(1, truth), ones) for _ in range(SAMPLES)])
    assert np.mean((found[:, 0] <= truth.mean()) & (truth.mean() <= found[:, 1])) >= 0.93
    assert (found[:, 1] - found[:, 0]).max() < 0.06


def test_equal_classes_are_one_exact_share() -> None:
    assert class_mean_interval([2, 0, 1], [2, 2, 2]) == pytest.approx(tuple(clopper_pearson(3, 6)))
    assert class_mean_interval([4], [7]) == pytest.approx(tuple(clopper_pearson(4, 7)))
    # Ten and twelve images are taken together, as if each class had ten; the order of classes does not matter.
    share = 0.5 * (9 / 10 + 6 / 12)
    exact = clopper_pearson(share * 20, 20)
    assert class_mean_interval([9, 6], [10, 12]) == pytest.approx(tuple(exact))
    assert class_mean_interval([6, 9], [12, 10]) == pytest.approx(tuple(exact))
    for correct, total in (([], []), ([1, 2], [2]), ([3], [2]), ([0], [0])):
        with pytest.raises(ValueError):
            class_mean_interval(correct, total)


GROUPS = {
    "equals": ([0.7] * 5, [40] * 5),
    "one clearly worst": ([0.5, 0.8, 0.85, 0.9, 0.95], [40] * 5),
    "few images in the worst": ([0.6, 0.7, 0.75], [3, 200, 200]),
    "few images in another": ([0.6, 0.7, 0.95], [200, 200, 2]),
    "nearly always right": ([0.98, 0.99, 0.99], [20, 30, 40]),
}


@pytest.mark.parametrize("groups", GROUPS)
def test_the_worst_group_is_held(groups: str) -> None:
    rates, counts = GROUPS[groups]
    rng = np.random.default_rng(0)
    place = np.repeat(np.arange(len(rates)), counts)
    held = 0
    for _ in range(SAMPLES):
        figure = worst_group(rng.random(len(place)) < np.array(rates)[place], place)
        assert figure.low <= figure.value <= figure.high
        held += figure.low <= min(rates) <= figure.high
    assert held / SAMPLES >= 0.93


def test_the_limits_of_one_group_are_exact() -> None:
    figure = worst_group(np.array([True, False, True, True]), np.array([2, 2, 2, -1]))
    exact = binomtest(2, 3).proportion_ci(0.95)
    assert (figure.low, figure.high) == pytest.approx((exact.low, exact.high))


CONFUSIONS = {
    # Classes, images of each, share that is right.
    "three each, half right": (10, [3] * 10, 0.5),
    "three each, half right, many classes": (30, [3] * 30, 0.5),
    "three each": (10, [3] * 10, 0.95),
    "five each": (30, [5] * 30, 0.5),
    "twenty each": (10, [20] * 10, 0.8),
    "rare and frequent": (12, [1, 1, 1, 2, 3, 4, 5, 8, 12, 20, 40, 60], 0.7),
}


@pytest.mark.parametrize("case", CONFUSIONS)
def test_macro_f1_is_held(case: str) -> None:
    classes, counts, rate = CONFUSIONS[case]
    rng = np.random.default_rng(0)
    share = np.array(counts) / sum(counts)
    # A wrong image is any of the other classes alike: F1 in expectation, from the matrix of probabilities.
    joint = share[:, None] * np.where(np.eye(classes, dtype=bool), rate, (1 - rate) / (classes - 1))
    truth = np.mean(2 * np.diag(joint) / (joint.sum(axis=0) + joint.sum(axis=1)))
    labels = np.repeat(np.arange(classes), counts)
    held = 0
    for _ in range(250):
        other = (labels + rng.integers(1, classes, len(labels))) % classes
        figure = macro_f1(np.where(rng.random(len(labels)) < rate, labels, other), labels)
        held += figure.low <= truth <= figure.high
    assert held / 250 >= 0.93


def test_with_two_images_a_class_macro_f1_is_not_said_to_be_known() -> None:
    figure = macro_f1(np.array([0, 1, 0, 1, 2]), np.array([0, 1, 2, 1, 0]))
    assert (figure.low, figure.high) == (0, 1)
    known = macro_f1(np.array([0, 1, 0, 1, 1, 0, 0, 1, 0]), np.repeat([0, 1, 2], 3))
    assert known.low <= known.value <= known.high < 1
