"""Training: the ingredients of a soup, fine-tuned from one zero-shot model."""

from soupwidgets.training.curves import fit_curve
from soupwidgets.training.finetune import TrainingError, fine_tune
from soupwidgets.training.hyperparameters import Hyperparameters, Mode, draw_hyperparameters
from soupwidgets.training.loop import cosine_schedule, train
from soupwidgets.training.search import random_search

__all__ = [
    "Hyperparameters",
    "Mode",
    "TrainingError",
    "cosine_schedule",
    "draw_hyperparameters",
    "fine_tune",
    "fit_curve",
    "random_search",
    "train",
]
