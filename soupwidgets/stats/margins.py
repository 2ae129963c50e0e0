"""From a predicted margin to the probability of a right answer, learned from the images seen so far."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# Three are fitted: intercept, slope, scale.
_FEWEST = 4
# Below this an error of single precision is all there is.
_LEAST_SPREAD = 1e-6

Floats = NDArray[np.float64]


def margins_of(scores: NDArray[np.floating], labels: NDArray[np.int64]) -> Floats:
    """How far the label's score lies above the best other one: positive where the answer is right.

    Parameters
    ----------
    scores
        Logits ``[n, classes]``, of two classes at least.
    labels
        ``[n]``.

    Returns
    -------
    NDArray[np.float64]
        ``[n]``; minus infinity where a logit is not finite, as such an answer is wrong.

    Examples
    --------
    >>> margins_of(np.array([[1.0, 3.0], [2.0, 0.5]]), np.array([0, 0])).tolist()
    [-2.0, 1.5]
    """
    rows = np.arange(len(labels))
    others = scores.astype(np.float64)
    own = others[rows, labels]
    finite = np.isfinite(others).all(axis=1)
    others[rows, labels] = -np.inf
    with np.errstate(invalid="ignore"):
        return np.where(finite, own - others.max(axis=1), -np.inf)


@dataclass(frozen=True)
class MarginModel:
    """Margin = intercept + slope x predicted margin + spread x sqrt(1 + (predicted margin / typical)^2) x error.

    The error has Student's t distribution with 4 degrees of freedom, scaled to variance 1: outliers are expected. A
    prediction that says nothing gets slope 0, and every image the same probability.

    Parameters
    ----------
    intercept, slope, spread, typical
        As above; all but the slope in units of the margin (logits).

    Examples
    --------
    >>> model = MarginModel(intercept=0.0, slope=1.0, spread=0.1, typical=1.0)
    >>> model.probability(np.array([-1.0, 0.0, 1.0])).round(4).tolist()
    [0.0003, 0.5, 0.9997]
    """

    intercept: float
    slope: float
    spread: float
    typical: float

    @classmethod
    def fit(cls, predicted: Floats, observed: Floats, typical: float) -> MarginModel:
        """Weighted least squares, with the weights that belong to the model's spread.

        Parameters
        ----------
        predicted, observed
            Margins ``[n]`` of the images seen so far, four at least. How these were chosen does not matter as long as
            it depended on the prediction alone.
        typical
            Where the spread begins to grow: the median of the predicted margins' sizes, over the whole split.

        Raises
        ------
        ValueError
            When there are fewer than four.
        """
        count = len(predicted)
        if count < _FEWEST:
            raise ValueError(f"{count} margins are too few for a line and a spread; {_FEWEST} are the least")
        # A diverged model's margin is minus infinity: wrong by more than anything that is predicted.
        observed = np.maximum(observed, -10 * (typical + np.abs(predicted).max()))
        weights = 1 / (1 + (predicted / typical) ** 2)
        total = weights.sum()
        x, y = predicted - weights @ predicted / total, observed - weights @ observed / total
        across = weights @ x**2
        slope = float(weights @ (x * y) / across) if across > 0 else 0.0
        spread = np.sqrt(weights @ (y - slope * x) ** 2 / (count - 2))
        intercept = float(weights @ observed / total - slope * (weights @ predicted) / total)
        return cls(intercept, slope, max(float(spread), _LEAST_SPREAD), typical)

    def probability(self, predicted: Floats) -> Floats:
        """The probability that the answer is right, ``[n]``, for predicted margins ``[n]``."""
        centre = self.intercept + self.slope * predicted
        # The variance of Student's t with 4 degrees of freedom is 2; its distribution function is algebraic.
        t = centre / (self.spread * np.sqrt((1 + (predicted / self.typical) ** 2) / 2))
        squeezed = t / np.sqrt(4 + t**2)
        probability: Floats = 0.5 + 0.75 * (squeezed - squeezed**3 / 3)
        return np.clip(probability, 0.0, 1.0)
