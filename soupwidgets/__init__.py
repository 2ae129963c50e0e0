"""Mix checkpoints, measure them, and see what flips.

Every model on screen is a point in the span of a few checkpoints. The core
needs neither plotly nor ipywidgets: `plots` and `widgets` load when first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from soupwidgets import waiting  # noqa: F401 - before whatever loads torch

# isort: split
from soupwidgets import analysis
from soupwidgets.checkpoints import CheckpointError, CheckpointFile, as_classifier
from soupwidgets.evaluation import Evaluation, Evaluator
from soupwidgets.methods import (
    GreedySoup,
    LearnedSoup,
    Sweep,
    alpha_sweep,
    check_soup,
    dare,
    ema,
    fisher_soup,
    greedy_soup,
    lawa,
    learned_soup,
    lines,
    logit_ensemble,
    model_stock,
    recalibrate_batch_norm,
    slerp,
    swa,
    task_arithmetic,
    ties,
    uniform_soup,
    wise_ft,
)
from soupwidgets.mixing import save_mixture
from soupwidgets.models import Architecture, open_clip_classifier, prompt_head
from soupwidgets.pool import Pool, PoolError, SoupWarning
from soupwidgets.recipe import Recipe
from soupwidgets.store import Store, StoreError
from soupwidgets.suites import Suite, SuiteError

if TYPE_CHECKING:
    from soupwidgets import plots, widgets

__version__ = "0.1.0"

__all__ = [
    "Architecture",
    "CheckpointError",
    "CheckpointFile",
    "Evaluation",
    "Evaluator",
    "GreedySoup",
    "LearnedSoup",
    "Pool",
    "PoolError",
    "Recipe",
    "SoupWarning",
    "Store",
    "StoreError",
    "Suite",
    "SuiteError",
    "Sweep",
    "alpha_sweep",
    "analysis",
    "as_classifier",
    "check_soup",
    "dare",
    "ema",
    "fisher_soup",
    "greedy_soup",
    "lawa",
    "learned_soup",
    "lines",
    "logit_ensemble",
    "model_stock",
    "open_clip_classifier",
    "plots",
    "prompt_head",
    "recalibrate_batch_norm",
    "save_mixture",
    "slerp",
    "swa",
    "task_arithmetic",
    "ties",
    "uniform_soup",
    "widgets",
    "wise_ft",
]


def __getattr__(name: str) -> Any:
    if name in ("plots", "widgets"):
        try:
            return importlib.import_module(f"soupwidgets.{name}")
        except ModuleNotFoundError as error:
            if error.name and not error.name.startswith("soupwidgets"):
                raise ModuleNotFoundError(
                    f"soupwidgets.{name} needs the package {error.name!r}: pip install 'soupwidgets[lab]'",
                    name=error.name,
                ) from error
            raise
    raise AttributeError(f"module 'soupwidgets' has no attribute {name!r}")
