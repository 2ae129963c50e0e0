from __future__ import annotations

import numpy as np
import pytest
import torch
from statsmodels.stats.inter_rater import cohens_kappa

import soupwidgets as sw
from soupwidgets import Evaluator, alpha_sweep


def test_concavity_and_diversity_along_alpha(evaluator: Evaluator) -> None:
    sweep = alpha_sweep(evaluator, "ft-03", alphas=3, splits=["val", "test", "noise"], progress=False)
    suite = evaluator.suite
    for split in ("test", "noise"):
        (middle,) = sw.alpha.concavity(sweep.evaluations, suite, split)
        ends = (sweep[0.0].accuracy[split] + sweep[1.0].accuracy[split]) / 2
        assert middle.gap == pytest.approx(sweep[0.5].accuracy[split] - ends)
        assert middle.interval[0] < middle.gap < middle.interval[1]
        if split == "test":
            # In distribution the middle lies above the line by many standard errors.
            assert middle.interval[0] > 0.02
    first, half, last = sw.alpha.along_alpha(sweep.evaluations, suite, "test")
    assert first.against_zero_shot == sw.alpha.Diversity(0, 0, 1)
    assert last.against_fine_tuned == sw.alpha.Diversity(0, 0, 1)
    assert 0 < half.against_zero_shot.disagreement < last.against_zero_shot.disagreement
    assert half.calibration.ece_scaled < half.calibration.ece
    assert half.calibration.temperature > 0
    with pytest.raises(KeyError):
        sw.alpha.concavity({0.0: sweep[0.0], 0.5: sweep[0.5]}, suite, "test")


def test_kappa_is_that_of_statsmodels() -> None:
    rng = np.random.default_rng(0)
    first, second = rng.integers(0, 4, 500), rng.integers(0, 4, 500)
    second[:300] = first[:300]
    table = np.zeros((4, 4))
    np.add.at(table, (first, second), 1)
    found = sw.alpha.diversity(first, second, np.zeros(500, int))
    assert found.kappa == pytest.approx(cohens_kappa(table).kappa)
    with pytest.raises(ValueError, match="do not belong to the same images"):
        sw.alpha.diversity(first, second[1:], first)


def test_calibration_error_by_hand() -> None:
    # Two bins in use: three images at 0.9 of which two are right, one at 0.6 that is right.
    p = np.array([[0.9, 0.1], [0.9, 0.1], [0.1, 0.9], [0.6, 0.4]])
    labels = np.array([0, 1, 1, 0])
    expected = 3 / 4 * abs(2 / 3 - 0.9) + 1 / 4 * abs(1 - 0.6)
    assert sw.stats.expected_calibration_error(np.log(p), labels, bins=10) == pytest.approx(expected)
    # An image whose logits are not finite is wrong and sure.
    broken = np.vstack([np.log(p), [[np.nan, 0]]])
    with_nan = sw.stats.expected_calibration_error(broken, np.array([*labels, 0]), bins=10)
    assert with_nan == pytest.approx((3 * abs(2 / 3 - 0.9) + 0.4 + 1) / 5)


def test_temperature_undoes_a_scaling() -> None:
    rng = np.random.default_rng(0)
    logits = rng.standard_normal((20_000, 5)) * 2
    labels = (logits + rng.gumbel(size=logits.shape)).argmax(axis=1)  # drawn from softmax(logits)
    assert sw.stats.best_temperature(3 * logits, labels) == pytest.approx(3, rel=0.03)
    found = sw.stats.calibration(3 * logits, labels, validation_logits=3 * logits, validation_labels=labels)
    assert found.ece_scaled < 0.012 < 0.05 < found.ece
    # A closed form's derivative vanishes there.
    t = torch.tensor(sw.stats.best_temperature(3 * logits, labels), dtype=torch.float64, requires_grad=True)
    torch.nn.functional.cross_entropy(torch.from_numpy(3 * logits) / t, torch.from_numpy(labels)).backward()
    assert abs(float(t.grad)) < 1e-4
    with pytest.raises(ValueError, match="not finite"):
        sw.stats.best_temperature(np.array([[np.nan, 1.0]]), np.array([0]))
