"""Affinity and diversity of augmentations."""

from soupwidgets.topics.augmentation.figures.alpha import affinity_along_alpha
from soupwidgets.topics.augmentation.figures.plane import affinity_diversity, joint
from soupwidgets.topics.augmentation.figures.training import curves, variant_curves, variants

__all__ = ["affinity_along_alpha", "affinity_diversity", "curves", "joint", "variant_curves", "variants"]
