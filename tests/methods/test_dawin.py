"""DaWin: coefficients by hand, beta distributions that are known, and answers that are those of the mixtures."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import scipy.stats

from soupwidgets import Evaluator, wise_ft
from soupwidgets.methods import dawin
from soupwidgets.methods.dawin import fit_beta_mixture, sure_coefficients


def test_coefficients_by_hand() -> None:
    # Entropies 1.5 ln 2 and ln 2: exp(-H) is 2^-1.5 and 1/2.
    zero_shot, tuned = np.log([[0.5, 0.25, 0.25]]) + 3, np.log([[0.5, 0.5, 1e-300]])
    assert sure_coefficients(zero_shot, tuned) == pytest.approx([0.5 / (0.5 + 2**-1.5)])
    # Entropy is measured by SciPy too.
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(2, 20, 5)) * 3
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=2, keepdims=True)
    sure = np.exp(-scipy.stats.entropy(probabilities, axis=2))
    assert sure_coefficients(*logits) == pytest.approx(sure[1] / sure.sum(axis=0))


def test_one_cluster_has_the_moments_of_all() -> None:
    values = np.random.default_rng(1).beta(3, 5, size=2000)
    found = fit_beta_mixture(values, 1)
    fitted = scipy.stats.beta(found.a[0], found.b[0])
    assert fitted.mean() == pytest.approx(values.mean())
    assert fitted.var() == pytest.approx(values.var())
    assert found.weights == pytest.approx([1])
    assert found.log_densities(values)[:, 0] == pytest.approx(fitted.logpdf(values))


def test_known_distributions_are_found_again() -> None:
    rng = np.random.default_rng(2)
    values = np.concatenate([rng.beta(20, 80, size=3000), rng.beta(60, 40, size=7000)])
    found = fit_beta_mixture(rng.permutation(values), 2)
    # Standard errors of the means are 0.0007 and 0.0006.
    assert found.means == pytest.approx([0.2, 0.6], abs=0.004)
    assert found.weights == pytest.approx([0.3, 0.7], abs=0.005)
    assert found.a + found.b == pytest.approx([100, 100], rel=0.1)
    assert found.most_likely(np.array([0.1, 0.25, 0.55, 0.7])).tolist() == [0, 0, 1, 1]
    # Numbers that are all alike have no width, and are no trouble.
    assert fit_beta_mixture(np.full(50, 0.5), 3).means == pytest.approx([0.5] * 3)


def test_each_example_is_answered_by_its_mixture(small_evaluator: Evaluator) -> None:
    ev = small_evaluator.in_float32()
    made = dawin(ev, "ft-03", clusters=2, splits=["test", "blur"])
    assert list(made.scores) == ["test", "blur"]
    low, high = made.alphas
    assert 0 < low < high < 1
    for split in ("test", "blur"):
        logits = [ev.evaluate(name, split).split_logits(split) for name in ("zero-shot", "ft-03")]
        assert made.coefficients[split] == pytest.approx(sure_coefficients(*logits))
        mixtures = [ev.evaluate(wise_ft(ev.pool, "ft-03", alpha), split).split_logits(split) for alpha in made.alphas]
        answers = [mixtures[route][row].argmax() for row, route in enumerate(made.routes[split])]
        assert made.scores[split].correct == int((np.array(answers) == ev.suite[split].labels).sum())
        assert set(made.routes[split]) == {0, 1}
        assert made.histogram(split, bins=10)[0].sum() == len(answers)
    # What the clusters are is told by validation images.
    on_validation = sure_coefficients(*(ev.evaluate(n, "val").split_logits("val") for n in ("zero-shot", "ft-03")))
    assert made.alphas == pytest.approx(tuple(fit_beta_mixture(on_validation, 2).means))
    told = json.loads(json.dumps(made.to_json()))
    assert sum(told["splits"]["test"]["routed"]) == 400
    assert told["passes"] == 3
    assert repr(made).startswith("DaWin(alphas ")
    assert made.evaluation["blur"] == made.scores["blur"]


def test_one_mixture_is_wise_ft(small_evaluator: Evaluator) -> None:
    ev = small_evaluator
    made = dawin(ev, "ft-03", clusters=1, splits=["test"])
    assert math.isclose(made.alphas[0], float(np.mean(dawin(ev, "ft-03", splits=["val"]).coefficients["val"])))
    alone = ev.in_float32().evaluate(wise_ft(ev.pool, "ft-03", made.alphas[0]), "test")
    assert made.scores["test"].correct == alone["test"].correct


def test_refusals(tiny_evaluator: Evaluator) -> None:
    with pytest.raises(ValueError, match="clusters is 0; at least one is needed"):
        dawin(tiny_evaluator, "ft-a", clusters=0)
    with pytest.raises(ValueError, match="nobody"):
        dawin(tiny_evaluator, "nobody")


def test_logits_that_are_not_finite_are_refused(tiny_evaluator: Evaluator) -> None:
    broken = tiny_evaluator.matrix.row("ft-a")
    kept = broken.clone()
    broken.fill_(math.nan)
    try:
        with pytest.raises(ValueError, match="not finite"):
            dawin(tiny_evaluator, "ft-a", splits=["test"])
    finally:
        broken.copy_(kept)
