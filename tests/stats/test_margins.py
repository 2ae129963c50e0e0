"""Margins, and what they say about the probability of a right answer."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import t as student

from soupwidgets.stats.margins import MarginModel, margins_of


def test_margins_by_hand() -> None:
    scores = np.array([[3.0, 1.0, 2.5], [0.0, -1.0, 4.0], [1.0, np.nan, 0.0], [np.inf, 0.0, 0.0]], dtype=np.float32)
    found = margins_of(scores, np.array([0, 1, 0, 0]))
    assert found.tolist() == [0.5, -5.0, -np.inf, -np.inf]
    assert np.isnan(scores[2, 1]), "the scores are not written to"


def test_probabilities_are_those_of_students_t() -> None:
    model = MarginModel(intercept=0.2, slope=0.9, spread=0.5, typical=2.0)
    margins = np.linspace(-20, 20, 41)
    scale = 0.5 * np.sqrt(1 + (margins / 2) ** 2) / np.sqrt(2)
    np.testing.assert_allclose(model.probability(margins), student.cdf((0.2 + 0.9 * margins) / scale, 4), atol=1e-14)


def test_the_line_and_the_spread_are_found() -> None:
    rng = np.random.default_rng(0)
    predicted = rng.normal(0, 3, 4000)
    noise = 0.3 * np.sqrt(1 + (predicted / 2) ** 2) * rng.standard_t(4, 4000) / np.sqrt(2)
    model = MarginModel.fit(predicted, 0.1 + 0.8 * predicted + noise, typical=2.0)
    assert model.intercept == pytest.approx(0.1, abs=0.02)
    assert model.slope == pytest.approx(0.8, abs=0.02)
    assert model.spread == pytest.approx(0.3, abs=0.03)


def test_a_prediction_that_says_nothing_gives_all_images_the_same_probability() -> None:
    rng = np.random.default_rng(1)
    predicted = rng.normal(0, 1, 2000)
    model = MarginModel.fit(predicted, rng.normal(0.5, 1, 2000), typical=0.7)
    assert np.ptp(model.probability(np.linspace(-0.7, 0.7, 9))) < 0.1
    constant = MarginModel.fit(np.ones(9), rng.normal(0, 1, 9), typical=1.0)
    assert constant.slope == 0


def test_a_diverged_answer_counts_as_far_off() -> None:
    predicted = np.linspace(-2, 2, 40)
    sound = MarginModel.fit(predicted, predicted, typical=1.0)
    lost = MarginModel.fit(predicted, np.where(np.arange(40) == 20, -np.inf, predicted), typical=1.0)
    assert sound.spread < 1e-5
    assert lost.spread > 1
    with pytest.raises(ValueError, match="too few"):
        MarginModel.fit(predicted[:3], predicted[:3], typical=1.0)
