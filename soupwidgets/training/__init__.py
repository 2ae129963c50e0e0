"""Training the ingredients of a soup, fine-tuned from one zero-shot model."""

from soupwidgets.training.curves import fit_curve
from soupwidgets.training.errors import TrainingError
from soupwidgets.training.finetune import fine_tune
from soupwidgets.training.hyperparameters import Hyperparameters, Mode, draw_hyperparameters
from soupwidgets.training.label_noise import LabelNoise, followed_share, noisy_targets, norms
from soupwidgets.training.loop import Epoch, cosine_schedule, train
from soupwidgets.training.search import random_search
from soupwidgets.training.study import Plan, Run, estimate_seconds, run_study

__all__ = [
    "Epoch",
    "Hyperparameters",
    "LabelNoise",
    "Mode",
    "Plan",
    "Run",
    "TrainingError",
    "cosine_schedule",
    "draw_hyperparameters",
    "estimate_seconds",
    "fine_tune",
    "fit_curve",
    "followed_share",
    "noisy_targets",
    "norms",
    "random_search",
    "run_study",
    "train",
]
