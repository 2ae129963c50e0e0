"""End-to-end fine-tuning of an image classifier, to make the ingredients of a soup."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from soupwidgets.models import ImageClassifier
from soupwidgets.training import train
from soupwidgets.zoo.pretrain import normalise
from soupwidgets.zoo.raw import LabelledImages


@dataclass(frozen=True)
class FineTuneConfig:
    """One draw of hyper-parameters, as in the random search of arXiv 2203.05482 (appendix on training).

    Parameters
    ----------
    seed
        Determines the order of the images and every random augmentation.
    learning_rate, weight_decay, label_smoothing
        As in `torch.optim.AdamW` and `torch.nn.functional.cross_entropy`.
    epochs
        Passes over the training images.
    mixup
        Parameter of the Beta distribution that mixes pairs of images; 0 for none.
    augmentation
        Strength 0..1 of random contrast and brightness.
    images
        Number of training images.
    """

    seed: int
    learning_rate: float
    epochs: int
    weight_decay: float
    label_smoothing: float = 0.0
    mixup: float = 0.0
    augmentation: float = 0.0
    images: int = 2000
    batch_size: int = 64


def draw_config(seed: int) -> FineTuneConfig:
    """Draw the hyper-parameters of ingredient ``seed`` from the search space of the zoo."""
    rng = np.random.default_rng([seed, 1])
    return FineTuneConfig(
        seed=seed,
        learning_rate=round(math.exp(rng.uniform(math.log(6e-4), math.log(1.2e-3))), 7),
        epochs=int(rng.integers(22, 31)),
        weight_decay=round(10 ** rng.uniform(-3, -0.5), 5),
        label_smoothing=round(float(rng.uniform(0, 0.1)), 3),
        mixup=float(rng.choice([0.0, 0.0, 0.1])),
        augmentation=round(float(rng.uniform(0, 0.5)), 3),
    )


def augment(images: Tensor, strength: float, rng: np.random.Generator) -> Tensor:
    """Grey images ``[n, h, w]`` in 0..1, half of them flipped, with random contrast and brightness (strength 0..1)."""
    n = len(images)
    flip = torch.from_numpy(rng.random(n) < 0.5)
    images = torch.where(flip[:, None, None], images.flip(-1), images)
    gain = torch.from_numpy(1 + strength * rng.uniform(-0.3, 0.3, n)).float()
    offset = torch.from_numpy(strength * rng.uniform(-0.1, 0.1, n)).float()
    return (images * gain[:, None, None] + offset[:, None, None]).clamp(0, 1)


def fine_tune(
    model: ImageClassifier,
    data: LabelledImages,
    *,
    config: FineTuneConfig,
    progress: Callable[[int, int, float], None],
) -> float:
    """Train all weights of ``model`` in place, on clean images.

    Parameters
    ----------
    model
        The zero-shot classifier to start from.
    data
        Training images; the first ``config.images`` of them are used.
    config
        Seed and hyper-parameters.
    progress
        Called with the steps done, the total number of steps, and the last loss.

    Returns
    -------
    float
        Accuracy (0..1) on the training images as they were shown in the last epoch.
    """
    images = torch.from_numpy(data.images[: config.images])
    labels = torch.from_numpy(data.labels[: config.images].astype(np.int64))

    def show(rows: NDArray[np.int64], rng: np.random.Generator) -> Tensor:
        return augment(images[rows].float() / 255, config.augmentation, rng)

    history = train(
        model,
        model.parameters(),
        labels=labels,
        classes=model.head.out_features,
        settings=config,
        show=show,
        normalise=normalise,
        progress=progress,
    )
    return history[-1]["accuracy"]
