"""Which examples a model gets right, and two models compared on the same examples."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from soupwidgets.evaluation.evaluation import Evaluation
from soupwidgets.evaluation.tasks import KEEPS_OUTPUTS, answers
from soupwidgets.stats.metrics import metric_named
from soupwidgets.stats.paired import PairedDifference, paired_difference
from soupwidgets.suites import Split


def right_answers(evaluation: Evaluation, split: Split) -> NDArray[np.bool_]:
    """Whether each example of a split was answered correctly, ``[n]``; with a non-finite logit it counts as wrong.

    Parameters
    ----------
    evaluation
        Of the split, complete.
    split
        Of several labels an example is right if all are.

    Raises
    ------
    ValueError
        When the task has no right answers (regression), or its outputs are not kept (segmentation).
    """
    return right_of(None if split.scoring.task not in KEEPS_OUTPUTS else evaluation.split_logits(split.name), split)


def right_of(logits: NDArray[np.floating[Any]] | None, split: Split) -> NDArray[np.bool_]:
    """The same for logits ``[n, classes]``; raises `ValueError` as `right_answers` does."""
    if split.scoring.task == "regression":
        raise ValueError(
            f"{split.name!r} has numbers to predict, of which none is right or wrong; compare models by their "
            f"{metric_named(split.scoring.metric).words}"
        )
    _require_outputs(split)
    assert logits is not None
    right: NDArray[np.bool_] = answers(torch.from_numpy(logits), torch.from_numpy(split.labels), split.scoring.task)[
        1
    ].numpy()
    return right


def compared(first: Evaluation, second: Evaluation, split: Split) -> PairedDifference:
    """Two models on the same examples, by the metric of the split.

    Parameters
    ----------
    first, second
        Of the split, complete.
    split
        With its metric.

    Raises
    ------
    ValueError
        When the outputs of the split's task are not kept (segmentation), or one is not complete.
    """
    _require_outputs(split)
    metric = metric_named(split.scoring.metric)
    labels = split.labels

    def kept(evaluation: Evaluation) -> NDArray[np.float32]:
        outputs = evaluation.split_logits(split.name)
        predictions = answers(torch.from_numpy(outputs), torch.from_numpy(labels), split.scoring.task)[2]
        return metric.keep(outputs, predictions.numpy())

    return paired_difference(metric, kept(first), kept(second), labels, groups=split.groups, accepted=split.accepted)


def _require_outputs(split: Split) -> None:
    if split.scoring.task not in KEEPS_OUTPUTS:
        raise ValueError(
            f"outputs for every pixel of {split.name!r} are not kept: models cannot be compared by example"
        )
