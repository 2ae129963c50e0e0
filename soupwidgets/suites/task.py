"""What labels are: one class, several classes, numbers, or a class for every pixel."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Task = Literal["single-label", "multi-label", "regression", "segmentation"]

# The label of a pixel that does not count, as are all negative ones.
IGNORED = 255

# What a split is scored by unless it says otherwise.
USUAL_METRIC: dict[Task, str] = {
    "single-label": "accuracy",
    "multi-label": "average_precision",
    "regression": "r2",
    "segmentation": "mean_iou",
}

# Which of our own metrics say something of a task; those of others are their makers' affair.
_FITTING: dict[Task, tuple[str, ...]] = {
    "single-label": (
        "accuracy",
        "macro_f1",
        "worst_group",
        "worst_class",
        "balanced_accuracy",
        "auroc",
        "average_precision",
        "multi_label_accuracy",
        "multi_label_top1",
    ),
    "multi-label": ("average_precision", "auroc", "exact_match"),
    "regression": ("r2", "rmse"),
    "segmentation": ("mean_iou", "pixel_accuracy"),
}
_OURS = {metric for metrics in _FITTING.values() for metric in metrics}


def misfit(metric: str, task: Task) -> str:
    """Why a metric says nothing of a task; empty if it does, or is somebody's own.

    Examples
    --------
    >>> misfit("accuracy", "regression")
    'accuracy is no metric of a regression task; r2, rmse are'
    """
    if metric not in _OURS or metric in _FITTING[task]:
        return ""
    return f"{metric} is no metric of a {task} task; {', '.join(_FITTING[task])} are"


def check_labels(labels: NDArray[Any], task: Task) -> NDArray[Any]:
    """Labels in the form of their task.

    Parameters
    ----------
    labels
        ``[n]`` whole numbers for ``"single-label"``; ``[n, classes]`` of 0 and 1 for ``"multi-label"``; ``[n]`` or
        ``[n, values]`` numbers for ``"regression"``; ``[n, height, width]`` whole numbers for ``"segmentation"``, where
        a negative one or 255 is a pixel that does not count.
    task
        What they are.

    Returns
    -------
    NDArray
        int64, or float32 for ``"multi-label"`` and ``"regression"``.

    Raises
    ------
    ValueError
        When they have another form, or a number is not finite.

    Examples
    --------
    >>> check_labels(np.array([[0, 1], [1, 1]]), "multi-label").dtype
    dtype('float32')
    """
    axes = {"single-label": (1,), "multi-label": (2,), "regression": (1, 2), "segmentation": (3,)}[task]
    kinds = "fiub" if task in ("regression", "multi-label") else "iu"
    wanted = "numbers" if task == "regression" else "0 and 1" if task == "multi-label" else "integer labels"
    if labels.dtype.kind not in kinds or labels.ndim not in axes or 0 in labels.shape[1:]:
        raise ValueError(
            f"expected {wanted} with {' or '.join(map(str, axes))} axes for a {task} task, "
            f"found {labels.dtype} of shape {labels.shape}"
        )
    if task == "multi-label" and not np.isin(labels, (0, 1)).all():
        raise ValueError("labels of a multi-label task are 0 or 1 for each class")
    if task == "regression" and not np.isfinite(labels).all():
        raise ValueError("a number to predict is not finite")
    return labels.astype(np.float32 if task in ("multi-label", "regression") else np.int64)


def classes_that_occur(labels: NDArray[Any], task: Task) -> int | None:
    """How many classes any example has; None where labels are no classes.

    Examples
    --------
    >>> classes_that_occur(np.array([[0, 1, 1], [0, 1, 0]]), "multi-label")
    2
    """
    if task == "regression":
        return None
    if task == "multi-label":
        return int(labels.any(axis=0).sum())
    counted = labels[(labels >= 0) & (labels != IGNORED)] if task == "segmentation" else labels
    return len(np.unique(counted))
