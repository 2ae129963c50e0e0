"""What outputs mean in each task: the loss of an example, whether it is right, and what was predicted."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from soupwidgets.suites.task import IGNORED, Task

# Logits of every pixel would fill a disk: those are scored, and let go.
KEEPS_OUTPUTS: tuple[Task, ...] = ("single-label", "multi-label", "regression")


def losses_of(outputs: Tensor, targets: Tensor, task: Task) -> Tensor:
    """The loss of each example, ``[n]``.

    Parameters
    ----------
    outputs
        Logits ``[n, classes]`` or ``[n, classes, height, width]``, or values ``[n, values]``.
    targets
        As in `soupwidgets.suites.task.check_labels`.
    task
        Decides: cross-entropy (nats) for one label; for several labels the mean over classes of the cross-entropy of
        each; for pixels the mean over those that count; half the squared error, averaged over values, for regression.

    Examples
    --------
    >>> losses_of(torch.tensor([[1.0, 3.0]]), torch.tensor([[0.0, 0.0]]), "regression")
    tensor([2.5000])
    """
    if task == "single-label":
        return F.cross_entropy(outputs, targets, reduction="none")
    if task == "multi-label":
        return F.binary_cross_entropy_with_logits(outputs, targets.to(outputs.dtype), reduction="none").mean(dim=1)
    if task == "regression":
        wanted = targets.to(outputs.dtype).reshape(len(targets), -1)
        return (outputs.reshape(len(outputs), -1) - wanted).square().mean(dim=1) / 2
    counts = _counted(targets)
    each = F.cross_entropy(outputs, targets.where(counts, 0), reduction="none") * counts
    return each.sum(dim=(1, 2)) / counts.sum(dim=(1, 2)).clamp(min=1)


def answers(outputs: Tensor, targets: Tensor, task: Task) -> tuple[Tensor, Tensor, Tensor]:
    """Losses, right answers and predictions of a batch.

    Parameters
    ----------
    outputs, targets, task
        As in `losses_of`.

    Returns
    -------
    losses
        ``[n]``, float64.
    right
        ``[n]``, bool: the predicted class is the label; all labels are right; every pixel that counts is. An example
        with an output that is not finite is wrong. Of a regression none is ever right.
    predictions
        Classes ``[n]`` (-1 where an output is not finite); 0 and 1 ``[n, classes]``; classes ``[n, height, width]``;
        values ``[n, values]``.
    """
    losses = losses_of(outputs, targets, task).double()
    if task == "single-label":
        predictions = outputs.argmax(dim=1).where(outputs.isfinite().all(dim=1), -1)
        return losses, predictions == targets, predictions
    finite = outputs.reshape(len(outputs), -1).isfinite().all(dim=1)
    if task == "multi-label":
        predictions = (outputs > 0).to(torch.int64)
        return losses, (predictions == targets).all(dim=1) & finite, predictions
    if task == "regression":
        return losses, torch.zeros(len(outputs), dtype=torch.bool, device=outputs.device), outputs
    predictions = outputs.argmax(dim=1)
    same = (predictions == targets) | ~_counted(targets)
    return losses, same.reshape(len(same), -1).all(dim=1) & finite, predictions


def _counted(targets: Tensor) -> Tensor:
    return (targets >= 0) & (targets != IGNORED)
