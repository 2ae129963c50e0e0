"""The linear probe against scikit-learn's logistic regression."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import softmax
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import PredefinedSplit, cross_val_predict

from soupwidgets.stats import linear_probe
from soupwidgets.stats.linear_probe import PENALTIES, stratified_folds


def examples(n: int = 400, width: int = 6, classes: int = 4) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Features that are correlated, of classes with numbers of their own."""
    rng = np.random.default_rng(0)
    place = rng.integers(0, classes, n)
    centres = rng.standard_normal((classes, width))
    features = (centres[place] + 1.5 * rng.standard_normal((n, width))) @ rng.standard_normal((width, width))
    return features, 10 * place + 3


def theirs(penalty: float, n: int) -> LogisticRegression:
    # Theirs is C times the sum of losses plus half the squared norm.
    return LogisticRegression(C=1 / (n * penalty), max_iter=10_000, tol=1e-10)


@pytest.mark.parametrize("penalty", [1.0, 1e-2, 1e-4])
def test_a_probe_is_scikit_learns_logistic_regression(penalty: float) -> None:
    features, labels = examples()
    probe = linear_probe(features, labels, penalties=[penalty])
    reference = theirs(penalty, len(features)).fit(features, labels)
    assert (probe.penalty, probe.losses) == (penalty, {})
    np.testing.assert_array_equal(probe.classes, reference.classes_)
    np.testing.assert_allclose(softmax(probe.logits(features), axis=1), reference.predict_proba(features), atol=1e-3)
    assert (probe.predictions(features) == reference.predict(features)).mean() > 0.995


def test_the_penalty_is_that_of_scikit_learns_cross_validation() -> None:
    features, labels = examples()
    probe = linear_probe(features, labels, folds=4)
    part = stratified_folds(labels, 4)
    found = {}
    for penalty in probe.losses:
        # All four folds leave out as many.
        model = theirs(penalty, 300)
        said = cross_val_predict(model, features, labels, cv=PredefinedSplit(part), method="predict_proba")
        found[penalty] = log_loss(labels, said)
    assert list(probe.losses.values()) == pytest.approx(list(found.values()), abs=2e-3)
    assert probe.penalty == min(found, key=lambda one: found[one])
    # From the strongest on; it stops at the first that is worse.
    assert list(probe.losses) == sorted(PENALTIES, reverse=True)[: len(probe.losses)]
    assert probe.penalty in list(probe.losses)[-2:]


def test_every_class_is_in_every_fold() -> None:
    labels = np.array([1] * 9 + [5] * 4)
    part = stratified_folds(labels, 3)
    assert [(part[labels == 1] == fold).sum() for fold in range(3)] == [3, 3, 3]
    assert [(part[labels == 5] == fold).sum() for fold in range(3)] == [2, 1, 1]
    np.testing.assert_array_equal(part, stratified_folds(labels, 3))


def test_what_cannot_be_fitted_is_said() -> None:
    features, labels = examples(20)
    with pytest.raises(ValueError, match="do not belong to labels"):
        linear_probe(features[:-1], labels)
    with pytest.raises(ValueError, match="two classes at least"):
        linear_probe(features, np.zeros(20, dtype=np.int64))
    features[3, 2] = np.nan
    with pytest.raises(ValueError, match="not finite"):
        linear_probe(features, labels)
