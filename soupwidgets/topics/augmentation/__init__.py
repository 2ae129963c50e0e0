"""Augmentations: their affinity and diversity, and the effect of training with them."""

from soupwidgets.topics import on_demand
from soupwidgets.topics.augmentation.affinity import (
    Affinity,
    affinity,
    affinity_along_alpha,
    augmented,
    stream_affinity_along_alpha,
)
from soupwidgets.topics.augmentation.joint import Added, JointModel, LinearFit, joint_model
from soupwidgets.topics.augmentation.study import (
    AugmentationResult,
    AugmentationStudy,
    read_augmentation_study,
    run_augmentation_study,
)
from soupwidgets.topics.augmentation.ties import TiedPair, Ties, ties
from soupwidgets.topics.augmentation.variants import (
    VariantResult,
    VariantStudy,
    read_variant_study,
    run_variant_study,
)

__all__ = [
    "Added",
    "Affinity",
    "AugmentationResult",
    "AugmentationStudy",
    "JointModel",
    "LinearFit",
    "TiedPair",
    "Ties",
    "VariantResult",
    "VariantStudy",
    "affinity",
    "affinity_along_alpha",
    "augmented",
    "joint_model",
    "read_augmentation_study",
    "read_variant_study",
    "run_augmentation_study",
    "run_variant_study",
    "stream_affinity_along_alpha",
    "ties",
]

__getattr__ = on_demand(__name__)
