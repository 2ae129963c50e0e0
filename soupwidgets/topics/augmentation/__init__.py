"""Augmentations: their affinity and diversity, and the effect of training with them."""

from soupwidgets.topics import on_demand
from soupwidgets.topics.augmentation.affinity import (
    Affinity,
    affinity,
    affinity_along_alpha,
    augmented,
    stream_affinity_along_alpha,
)
from soupwidgets.topics.augmentation.study import (
    AugmentationResult,
    AugmentationStudy,
    read_augmentation_study,
    run_augmentation_study,
)

__all__ = [
    "Affinity",
    "AugmentationResult",
    "AugmentationStudy",
    "affinity",
    "affinity_along_alpha",
    "augmented",
    "read_augmentation_study",
    "run_augmentation_study",
    "stream_affinity_along_alpha",
]

__getattr__ = on_demand(__name__)
