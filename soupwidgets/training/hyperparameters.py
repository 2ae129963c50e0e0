"""Hyper-parameters of fine-tuning, and the random search over them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

Mode = Literal["end-to-end", "linear-probe", "lp-ft", "flyp"]


@dataclass(frozen=True)
class Hyperparameters:
    """One draw, as it is recorded on the checkpoint's card.

    Parameters
    ----------
    seed
        Determines the order of images and every random augmentation.
    learning_rate, weight_decay, label_smoothing
        As in `torch.optim.AdamW` and `torch.nn.functional.cross_entropy`.
    epochs
        Passes over the training images.
    mixup
        Parameter of the Beta distribution that mixes pairs of images; 0 for none (arXiv 1710.09412).
    crop
        Smallest share of an image's area that a random crop keeps; 1 for no cropping.
    randaugment_operations, randaugment_magnitude
        Number and magnitude of RandAugment's operations (arXiv 1909.13719); 0 operations for none.
    batch_size
        Images per step.
    mode
        ``"end-to-end"``; ``"linear-probe"``, which trains the head alone on features of
        unchanged images; ``"lp-ft"``, first the head and then all weights (arXiv 2202.10054); or ``"flyp"``,
        image and text tower with the contrastive loss of CLIP (arXiv 2212.00638).
    images
        How many training images are used; all when None.
    flip
        Probability that an image is mirrored horizontally.
    """

    seed: int
    learning_rate: float
    epochs: int
    weight_decay: float
    label_smoothing: float = 0.0
    mixup: float = 0.0
    crop: float = 0.9
    randaugment_operations: int = 0
    randaugment_magnitude: int = 0
    batch_size: int = 512
    mode: Mode = "end-to-end"
    images: int | None = None
    flip: float = 0.5

    def __post_init__(self) -> None:
        if self.mode not in get_args(Mode):
            raise ValueError(f"there is no mode {self.mode!r}; known are {', '.join(get_args(Mode))}")
        if self.mode == "flyp" and (self.mixup or self.label_smoothing):
            raise ValueError("mode 'flyp' pairs each image with a caption: no mixup, no label smoothing")
        if self.learning_rate <= 0 or self.epochs < 1 or self.batch_size < 1:
            raise ValueError("learning rate, epochs and batch size must be positive")
        if not 0 <= self.flip <= 1:
            raise ValueError(f"the probability of a flip must be in 0..1, not {self.flip:g}")
        if not 0 <= self.label_smoothing < 1 or not 0 < self.crop <= 1 or self.mixup < 0 or self.weight_decay < 0:
            raise ValueError(
                "label smoothing must be in 0..1, the crop's share in 0..1 and not 0, mixup and weight decay at least 0"
            )


def draw_hyperparameters(seed: int) -> Hyperparameters:
    """Draw run ``seed`` of the random search.

    Returns
    -------
    Hyperparameters
        The same for the same seed.

    Notes
    -----
    The ranges of the random search of arXiv 2203.05482, appendix J: learning rate
    10^-6 to 10^-4 and weight decay 10^-4 to 10^-0.2 (log-uniform), 4 to 16 epochs; label
    smoothing up to .25 and mixup up to .9, each off in half of the runs; and one of
    three strengths of augmentation.

    Examples
    --------
    >>> draw_hyperparameters(0) == draw_hyperparameters(0)
    True
    """
    rng = np.random.default_rng([seed, 3])
    label_smoothing = float(rng.uniform(0, 0.25)) if rng.random() < 0.5 else 0.0
    mixup = float(rng.uniform(0, 0.9)) if rng.random() < 0.5 else 0.0
    strength = int(rng.integers(3))
    return Hyperparameters(
        seed=seed,
        learning_rate=float(f"{10 ** rng.uniform(-6, -4):.4g}"),
        epochs=int(rng.integers(4, 17)),
        weight_decay=float(f"{10 ** rng.uniform(-4, -0.2):.4g}"),
        label_smoothing=round(label_smoothing, 4),
        mixup=round(mixup, 4),
        crop=(0.9, 0.5, 0.5)[strength],
        randaugment_operations=int(rng.integers(1, 3)) if strength == 2 else 0,
        randaugment_magnitude=int(rng.integers(0, 21)) if strength == 2 else 0,
    )
