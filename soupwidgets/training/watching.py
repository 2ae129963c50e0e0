"""Measuring a model during training, at the end of every epoch."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from soupwidgets.suites import Split
from soupwidgets.training.errors import TrainingError
from soupwidgets.training.label_noise import LabelNoise, followed_share, noisy_targets
from soupwidgets.training.loop import Epoch
from soupwidgets.training.views import Views

_BATCH = 256


class Watch:
    """Measures the model on the same validation images after every epoch. The results are not used for any selection.

    Parameters
    ----------
    model
        The model in training.
    split
        The validation split.
    views
        The views of its images.
    images
        Number of images to use, from the first on.
    classes
        Number of classes of the model.
    noise
        Noise of the labels, if any.
    offset
        Offset of the noise, from the training images.

    Raises
    ------
    TrainingError
        When none of the images is of the class that has noise.
    """

    def __init__(
        self,
        model: nn.Module,
        split: Split,
        *,
        views: Views,
        images: int,
        classes: int,
        noise: LabelNoise | None = None,
        offset: float = 0.0,
    ) -> None:
        self._model, self._views = model, views
        self._rows = np.arange(min(images, len(split)))
        self._labels = split.labels[self._rows]
        self._noised = np.zeros(0, np.int64) if noise is None else np.flatnonzero(noise.affected(self._labels))
        if noise is not None and not len(self._noised):
            raise TrainingError(f"none of the first {len(self._rows)} validation images is of class {noise.of_class}")
        self._noise = None if noise is None else noise.values(split.images[self._noised], offset)
        self._classes, self._of_class = classes, noise is not None and noise.of_class is not None

    def __call__(self, epoch: int) -> Epoch:
        """Accuracy and loss on the images; with noise also the loss on noisy labels, and how far it is followed.

        With noise of one class these two are of its images alone, and so is ``clean validation loss``. Noise that is
        the same for every image cannot be ``followed``.
        """
        parts = []
        with torch.inference_mode():
            for start in range(0, len(self._rows), _BATCH):
                pixels = self._views.plain(self._rows[start : start + _BATCH]).float() / 255
                parts.append(self._model(self._views.normalise(pixels)).float().cpu())
        logits = torch.cat(parts)
        labels = torch.from_numpy(self._labels)
        found = {
            "validation accuracy": float((logits.argmax(1) == labels).float().mean()),
            "validation loss": float(F.cross_entropy(logits, labels)),
        }
        if self._noise is not None:
            here, own = logits[self._noised], self._labels[self._noised]
            noisy = torch.from_numpy(noisy_targets(own, self._noise, self._classes))
            if self._of_class:
                found["clean validation loss"] = float(F.cross_entropy(here, labels[self._noised]))
            found["noisy validation loss"] = float(F.cross_entropy(here, noisy))
            if np.ptp(self._noise) > 0:
                found["followed"] = followed_share(here.double().softmax(1).numpy(), own, self._noise)
        return found
