"""Which images a model classifies correctly."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from soupwidgets.evaluation.evaluation import Evaluation
from soupwidgets.suites import Split


def right_answers(evaluation: Evaluation, split: Split) -> NDArray[np.bool_]:
    """Whether each image of a split was classified correctly, ``[n]``; with a non-finite logit it counts as wrong."""
    logits = evaluation.split_logits(split.name)
    right: NDArray[np.bool_] = (logits.argmax(axis=1) == split.labels) & np.isfinite(logits).all(axis=1)
    return right
