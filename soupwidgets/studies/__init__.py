"""Studies: questions that need many trainings, from the trainings to the numbers that are kept."""

from soupwidgets.studies.augmentations import (
    AugmentationResult,
    AugmentationStudy,
    read_augmentation_study,
    run_augmentation_study,
)
from soupwidgets.studies.label_noise import (
    LabelNoiseStudy,
    NoiseResult,
    read_label_noise_study,
    run_label_noise_study,
)

__all__ = [
    "AugmentationResult",
    "AugmentationStudy",
    "LabelNoiseStudy",
    "NoiseResult",
    "read_augmentation_study",
    "read_label_noise_study",
    "run_augmentation_study",
    "run_label_noise_study",
]
