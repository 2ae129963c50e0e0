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
from soupwidgets.topics.augmentation.variants import (
    VariantResult,
    VariantStudy,
    read_variant_study,
    run_variant_study,
)

__all__ = [
    "Affinity",
    "AugmentationResult",
    "AugmentationStudy",
    "VariantResult",
    "VariantStudy",
    "affinity",
    "affinity_along_alpha",
    "augmented",
    "read_augmentation_study",
    "read_variant_study",
    "run_augmentation_study",
    "run_variant_study",
    "stream_affinity_along_alpha",
]

__getattr__ = on_demand(__name__)
