"""What else changes along alpha: accuracy relative to the straight line, predictions, and their confidence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from soupwidgets.evaluation import Evaluation
from soupwidgets.evaluation.answers import right_answers
from soupwidgets.stats.calibration import Calibration, calibration
from soupwidgets.stats.intervals import LEVEL
from soupwidgets.suites import Suite


@dataclass(frozen=True)
class Concavity:
    """How accuracy at an alpha compares with the straight line between the two ends.

    Parameters
    ----------
    alpha
        The mixing coefficient.
    gap
        Accuracy at alpha, minus (1 - alpha) times that at 0, minus alpha times that at 1; negative below the line.
    interval
        95% interval of the gap over images, which all three models share.
    """

    alpha: float
    gap: float
    interval: tuple[float, float]


def concavity(evaluations: Mapping[float, Evaluation], suite: Suite, split: str) -> list[Concavity]:
    """Check acc(theta_alpha) >= (1 - alpha) acc(theta_0) + alpha acc(theta_1), at each alpha between the ends.

    Parameters
    ----------
    evaluations
        Alpha to its exact evaluation (``sweep.evaluations``); 0 and 1 must be among them.

    Raises
    ------
    KeyError
        When an end or the split is missing.

    Notes
    -----
    Wortsman et al., arXiv 2109.01903, section 5 (the observation on linear interpolation of weights).
    """
    from scipy.stats import norm

    right = {a: right_answers(e, suite.splits[split]).astype(float) for a, e in evaluations.items()}
    first, last = right[0.0], right[1.0]
    found = []
    for alpha in sorted(right):
        if 0 < alpha < 1:
            above = right[alpha] - (1 - alpha) * first - alpha * last
            margin = float(norm.ppf(0.5 + LEVEL / 2) * above.std(ddof=1) / np.sqrt(len(above)))
            gap = float(above.mean())
            found.append(Concavity(alpha, gap, (gap - margin, gap + margin)))
    return found


@dataclass(frozen=True)
class Diversity:
    """How the predictions of two models on the same images differ.

    Parameters
    ----------
    disagreement
        Share of images with different predictions.
    error_inconsistency
        Share of images that exactly one of them classifies correctly (arXiv 2110.12899).
    kappa
        Cohen's kappa of their predictions: 1 for identical ones, 0 for chance agreement.
    """

    disagreement: float
    error_inconsistency: float
    kappa: float


def diversity(first: NDArray[np.int64], second: NDArray[np.int64], labels: NDArray[np.int64]) -> Diversity:
    """Compare predictions ``[n]`` of two models.

    Raises
    ------
    ValueError
        When the shapes do not match.

    Notes
    -----
    Wortsman et al., arXiv 2109.01903, section 5 (prediction diversity, Cohen's kappa).

    Examples
    --------
    >>> diversity(np.array([0, 1, 1, 0]), np.array([0, 1, 0, 0]), np.array([0, 1, 1, 1]))
    Diversity(disagreement=0.25, error_inconsistency=0.25, kappa=0.5)
    """
    if not first.shape == second.shape == labels.shape or not len(labels):
        raise ValueError(f"{first.shape}, {second.shape} and {labels.shape} do not belong to the same images")
    agreement = float((first == second).mean())
    classes = np.union1d(first, second)
    by_chance = float(sum((first == c).mean() * (second == c).mean() for c in classes))
    kappa = 1.0 if by_chance == 1 else (agreement - by_chance) / (1 - by_chance)
    inconsistent = float(((first == labels) != (second == labels)).mean())
    return Diversity(1 - agreement, inconsistent, kappa)


@dataclass(frozen=True)
class AlongAlpha:
    """Diversity of theta_alpha relative to both ends, and its calibration, on one split."""

    alpha: float
    against_zero_shot: Diversity
    against_fine_tuned: Diversity
    calibration: Calibration


def along_alpha(evaluations: Mapping[float, Evaluation], suite: Suite, split: str) -> list[AlongAlpha]:
    """Diversity and calibration at each alpha.

    Parameters
    ----------
    evaluations
        Alpha to its exact evaluation; 0 and 1 must be among them, and the validation split must be measured.

    Raises
    ------
    KeyError
        When an end or a split is missing.
    """
    labels, held_out = suite.splits[split].labels, suite.validation

    def predictions(alpha: float) -> NDArray[np.int64]:
        found: NDArray[np.int64] = evaluations[alpha].split_logits(split).argmax(axis=1)
        return found

    first, last = predictions(0.0), predictions(1.0)
    found = []
    for alpha, evaluation in sorted(evaluations.items()):
        # One alpha at a time, and only the two splits that matter: logits of a large data set take gigabytes.
        logits = evaluation.split_logits(split)
        said = logits.argmax(axis=1)
        sure = calibration(
            logits, labels, validation_logits=evaluation.split_logits(held_out.name), validation_labels=held_out.labels
        )
        found.append(AlongAlpha(alpha, diversity(first, said, labels), diversity(last, said, labels), sure))
    return found
