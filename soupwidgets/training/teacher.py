"""Targets from another classifier instead of labels: self-distillation."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from soupwidgets.checkpoints import CheckpointFile
from soupwidgets.suites import Suite
from soupwidgets.training.checks import check_training
from soupwidgets.training.errors import TrainingError
from soupwidgets.training.hyperparameters import Hyperparameters
from soupwidgets.training.views import Views

_BATCH = 256


def taught(teacher: CheckpointFile, suite: Suite, *, settings: Hyperparameters, device: str) -> Tensor:
    """Probabilities that a teacher gives the unchanged training images, ``[n, classes]`` on the device.

    Parameters
    ----------
    teacher
        A classifier whose card states its architecture; of the suite's classes and image size.
    suite
        Its training split is shown.
    settings
        Of the student: how many images it is trained on.
    device
        Where to compute.

    Raises
    ------
    TrainingError
        When the teacher does not fit the suite, or a logit is not finite.

    Notes
    -----
    Born-again networks: Furlanello et al., arXiv 1805.04770, where the teacher has the student's architecture.
    """
    architecture, split = check_training(teacher, suite)
    model = architecture.build(device)
    model.load_state_dict({key: tensor.float() for key, tensor in teacher.read()})
    model.eval()
    views = Views(split, architecture.inputs, settings=settings, device=torch.device(device))
    rows = np.arange(min(settings.images or len(split), len(split)))
    with torch.inference_mode():
        parts = [
            model(views.normalise(views.plain(some).float() / 255)).float()
            for some in np.split(rows, range(_BATCH, len(rows), _BATCH))
        ]
    # A clone outside inference mode, because the loop indexes it while gradients are recorded.
    logits = torch.cat(parts).clone()
    if not torch.isfinite(logits).all():
        raise TrainingError(f"{teacher.path}: its logits are not finite, so it cannot teach")
    return logits.softmax(dim=1)
