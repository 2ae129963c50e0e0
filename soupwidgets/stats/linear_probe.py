"""A linear classifier on features that stay as they are, to tell what can be read from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# From hardly any to so much that only the most telling features count: on the mean loss of one example.
PENALTIES = (1e-1, 1e-2, 1e-3, 1e-4)
_FOLDS = 3
_SEED = 0
# Losses of candidates differ by far more than this.
_ROUGHLY = 1e-6
# Of the loss along a feature of variance 1, roughly: it decides the number of steps, not the result.
_CURVATURE = 0.2


@dataclass(frozen=True, eq=False)
class LinearProbe:
    """A fitted multinomial logistic regression.

    Parameters
    ----------
    weight, bias
        ``[features, classes]`` and ``[classes]``.
    classes
        ``[classes]``: the labels that it was shown, in ascending order; it predicts no others.
    penalty
        The strength of its L2 penalty.
    losses
        By penalty: the mean loss (nats) on the folds that were left out; empty where the penalty was given.
    """

    weight: NDArray[np.float64]
    bias: NDArray[np.float64]
    classes: NDArray[np.int64]
    penalty: float
    losses: dict[float, float]

    def logits(self, features: NDArray[np.floating]) -> NDArray[np.float64]:
        """Logits ``[n, classes]`` of some features ``[n, features]``."""
        return np.asarray(features.astype(np.float64) @ self.weight + self.bias)

    def predictions(self, features: NDArray[np.floating]) -> NDArray[np.int64]:
        """Predicted labels ``[n]``."""
        found: NDArray[np.int64] = self.classes[self.logits(features).argmax(axis=1)]
        return found


def linear_probe(
    features: NDArray[np.floating],
    labels: NDArray[np.int64],
    *,
    penalties: Sequence[float] = PENALTIES,
    folds: int = _FOLDS,
) -> LinearProbe:
    """Fit a linear classifier, with the penalty that has the lowest loss in cross-validation.

    The mean cross-entropy plus half the penalty times the squared norm of the weights (not of the bias) is minimised
    by L-BFGS.

    Parameters
    ----------
    features
        ``[n, features]`` of examples that are not reported on, on comparable scales: the penalty is the same for all.
    labels
        ``[n]``.
    penalties
        The candidates, tried from the strongest on until the loss rises; a single one is taken as it is.
    folds
        Number of parts, each with its share of every class; each is left out once.

    Raises
    ------
    ValueError
        When a feature is not finite, numbers differ, or there are fewer than two classes.

    Notes
    -----
    Linear evaluation of features by L-BFGS as in arXiv 1805.08974. scikit-learn's ``LogisticRegression`` with
    ``C = 1 / (n * penalty)`` minimises the same.

    Examples
    --------
    >>> features = np.array([[-1.0], [-0.5], [0.5], [1.0]])
    >>> linear_probe(features, np.array([3, 3, 7, 7]), penalties=[0.01]).predictions(features).tolist()
    [3, 3, 7, 7]
    """
    if features.ndim != 2 or labels.shape != (len(features),):
        raise ValueError(f"features of shape {features.shape} do not belong to labels of shape {labels.shape}")
    if not np.isfinite(features).all():
        raise ValueError("a feature is not finite: no linear classifier can be fitted")
    classes, targets = np.unique(labels, return_inverse=True)
    if len(classes) < 2:
        raise ValueError("a linear classifier needs labels of two classes at least")
    exact = features.astype(np.float64)
    losses = _cross_validated(exact, targets, len(classes), sorted(penalties, reverse=True), folds)
    penalty = min(losses, key=lambda one: losses[one]) if losses else float(penalties[0])
    weight, bias = _fitted(exact, targets, len(classes), penalty)
    return LinearProbe(weight, bias, classes.astype(np.int64), penalty, losses)


def stratified_folds(labels: NDArray[np.int64], folds: int = _FOLDS) -> NDArray[np.int64]:
    """Number of the fold of each example, ``[n]``: every class is spread evenly; the seed is fixed.

    Examples
    --------
    >>> sorted(stratified_folds(np.array([5, 5, 5, 5]), 2).tolist())
    [0, 0, 1, 1]
    """
    rng = np.random.default_rng(_SEED)
    found = np.empty(len(labels), dtype=np.int64)
    for label in np.unique(labels):
        rows = rng.permutation(np.flatnonzero(labels == label))
        found[rows] = np.arange(len(rows)) % folds
    return found


def _cross_validated(
    features: NDArray[np.float64], targets: NDArray[np.int64], classes: int, penalties: Sequence[float], folds: int
) -> dict[float, float]:
    """Mean loss of the examples that were left out, by penalty, from the strongest on; none for a single one."""
    if len(penalties) < 2:
        return {}
    from scipy.special import log_softmax

    part = stratified_folds(targets, folds)
    starts: dict[int, tuple[NDArray[np.float64], NDArray[np.float64]]] = {}
    losses: dict[float, float] = {}
    for penalty in penalties:
        total = 0.0
        for fold in range(folds):
            inside, outside = part != fold, part == fold
            # A weaker penalty has its minimum near that of the one before.
            starts[fold] = weight, bias = _fitted(
                features[inside], targets[inside], classes, penalty, starts.get(fold), exact=_ROUGHLY
            )
            said = log_softmax(features[outside] @ weight + bias, axis=1)
            total -= float(said[np.arange(len(said)), targets[outside]].sum())
        losses[penalty] = total / len(targets)
        if losses[penalty] > min(losses.values()):
            # Weaker ones fit the examples inside ever better, and those outside ever worse.
            break
    return losses


def _fitted(
    features: NDArray[np.float64],
    targets: NDArray[np.int64],
    classes: int,
    penalty: float,
    start: tuple[NDArray[np.float64], NDArray[np.float64]] | None = None,
    *,
    exact: float = 1e-10,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    from scipy.optimize import minimize

    n, width = features.shape
    rows = np.arange(n)
    # In these coordinates the loss is about as curved in every direction, so that some dozens of steps are enough.
    variances, axes = np.linalg.eigh(features.T @ features / n)
    scale = axes / np.sqrt(_CURVATURE * np.maximum(variances, 0) + penalty)
    turned = features @ scale
    squares = np.square(scale).sum(axis=0)

    def loss(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        weight, bias = flat[: width * classes].reshape(width, classes), flat[width * classes :]
        logits = turned @ weight + bias
        logits -= logits.max(axis=1, keepdims=True)
        likely = np.exp(logits)
        total = likely.sum(axis=1, keepdims=True)
        # The axes are orthogonal: the norm of the weights is the sum over them.
        norm = squares[:, None] * weight
        value = float((np.log(total[:, 0]) - logits[rows, targets]).mean() + penalty / 2 * (norm * weight).sum())
        likely /= total
        likely[rows, targets] -= 1
        likely /= n
        return value, np.concatenate([(turned.T @ likely + penalty * norm).ravel(), likely.sum(axis=0)])

    first = np.zeros((width + 1) * classes)
    if start is not None:
        first = np.concatenate([((scale / squares).T @ start[0]).ravel(), start[1]])
    found = minimize(loss, first, jac=True, method="L-BFGS-B", options={"maxiter": 500, "gtol": 1e-9, "ftol": exact})
    return scale @ found.x[: width * classes].reshape(width, classes), found.x[width * classes :]
