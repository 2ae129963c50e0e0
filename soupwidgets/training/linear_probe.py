"""The linear probe: a head that is trained on the features of unchanged images, alone or before fine-tuning."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from soupwidgets.models import ImageClassifier
from soupwidgets.training.hyperparameters import Hyperparameters
from soupwidgets.training.loop import Epoch, Show, train
from soupwidgets.training.views import Views

_FEATURE_BATCH = 256
# A probe is cheap and its optimum is far from the start: it uses larger steps than the tower.
_LEARNING_RATE = 100.0


def linear_probe(
    model: ImageClassifier,
    views: Views,
    labels: Tensor,
    *,
    settings: Hyperparameters,
    progress: Callable[[int, int, float], None],
) -> list[Epoch]:
    """Train a classifier's head in place, on features that are computed once.

    Parameters
    ----------
    model
        The classifier; its tower is not changed.
    views
        The training images.
    labels
        Their classes ``[n]``, on the model's device.
    settings
        As for fine-tuning; the learning rate is 100 times as high, and there is no mixup.
    progress
        Called with the steps done, the total number of steps, and the last loss.

    Returns
    -------
    list[Epoch]
        The history, as `train` has it.

    Notes
    -----
    Kumar et al., arXiv 2202.10054: a probe before fine-tuning keeps features from being bent by a head that does not
    fit them yet. Without weight decay this is logistic regression without an intercept.
    """
    rows = np.arange(len(labels))
    parts = []
    with torch.inference_mode():
        for start in range(0, len(rows), _FEATURE_BATCH):
            images = views.plain(rows[start : start + _FEATURE_BATCH]).float() / 255
            parts.append(F.normalize(model.visual(views.normalise(images)), dim=-1))
    features = torch.cat(parts).clone()
    probing = replace(settings, learning_rate=_LEARNING_RATE * settings.learning_rate, mixup=0.0)
    show: Show = lambda picked, _rng: features[torch.from_numpy(picked).to(features.device)]  # noqa: E731
    head: nn.Linear = model.head
    return train(
        head,
        head.parameters(),
        labels=labels,
        classes=head.out_features,
        settings=probing,
        show=show,
        normalise=lambda shown: shown,
        progress=progress,
    )
