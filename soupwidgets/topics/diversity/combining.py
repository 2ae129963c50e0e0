"""Ways to average what several models say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from soupwidgets.suites import Suite
from soupwidgets.topics.diversity.members import Member

Combination = Literal["calibrated logits", "plain logits", "calibrated probabilities"]


def combined(
    models: Sequence[Member], suite: Suite, split: str, how: Combination = "calibrated logits"
) -> NDArray[np.float64]:
    """Logits ``[images, classes]`` of the ensemble of some models.

    Parameters
    ----------
    models
        At least one, with logits on the split and on validation.
    how
        ``"calibrated logits"``: the mean of their logits, each model's divided by the temperature fitted on
        validation images; ``"plain logits"``: the mean as they are; ``"calibrated probabilities"``: the mean of the
        probabilities at these temperatures, given as their logarithm (their log-odds if an example may have several
        labels).

    Notes
    -----
    arXiv 2110.12899, section 3.2, found temperature scaling necessary; whether logits or probabilities are averaged
    then, it does not say.
    """
    if how == "plain logits":
        return np.asarray(np.mean([one.load(split).astype(np.float64) for one in models], axis=0))
    scaled = np.stack([one.scaled(split, suite) for one in models])
    if how == "calibrated logits":
        return np.asarray(scaled.mean(axis=0))
    from scipy.special import log_expit, log_softmax, logsumexp

    # Sums of probabilities are taken as logarithms: a probability too small for a float is still no infinite logit.
    if suite.task == "multi-label":
        odds: NDArray[np.float64] = logsumexp(log_expit(scaled), axis=0) - logsumexp(log_expit(-scaled), axis=0)
        return odds
    known: NDArray[np.float64] = logsumexp(log_softmax(scaled, axis=-1), axis=0) - np.log(len(models))
    return known
