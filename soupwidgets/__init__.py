"""Mix checkpoints, measure them, and see what flips.

Every model on screen is a point in the span of a few checkpoints. The core
needs neither plotly nor ipywidgets: figures and `widgets` load when first used.
"""

from __future__ import annotations

import ast
import importlib
import pkgutil
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from soupwidgets import compiled_kernels, waiting  # noqa: F401 - before anything that loads torch

# isort: split
from soupwidgets.checkpoints import CheckpointError, CheckpointFile, as_classifier, with_classes
from soupwidgets.evaluation import Evaluation, Evaluator
from soupwidgets.methods import (
    AdaMerged,
    AlphasByGroup,
    Comparison,
    GreedySoup,
    LearnedSoup,
    ScaledArithmetic,
    Sweep,
    adamerging,
    align,
    alpha_sweep,
    breadcrumbs,
    check_soup,
    compare,
    consensus,
    dare,
    dawin,
    della,
    ema,
    fisher_soup,
    greedy_soup,
    grouped_wise_ft,
    iso_c,
    lawa,
    learned_soup,
    lines,
    logit_ensemble,
    model_stock,
    monosoup,
    regmean,
    scaled_arithmetic,
    slerp,
    swa,
    swad,
    task_arithmetic,
    ties,
    tsv_merge,
    uniform_soup,
    wise_ft,
)
from soupwidgets.methods.method import all_methods as _all_methods
from soupwidgets.methods.method import function_named as _function_named
from soupwidgets.miniature import demo
from soupwidgets.mixing import save_mixture
from soupwidgets.models import Architecture, Arrays, Images, Tokens, open_clip_classifier, prompt_head
from soupwidgets.pool import Pool, PoolError, SoupWarning
from soupwidgets.recipe import Recipe
from soupwidgets.spelling import did_you_mean as _did_you_mean
from soupwidgets.spelling import nearest as _nearest
from soupwidgets.stats.metrics import Metric
from soupwidgets.store import Store, StoreError, StoreWarning
from soupwidgets.suites import Suite, SuiteError
from soupwidgets.translation import language

if TYPE_CHECKING:
    from soupwidgets import figures, stats, training, widgets, zoo
    from soupwidgets.pages import export_site
    from soupwidgets.topics import (
        alpha,
        augmentation,
        diagnosis,
        diversity,
        frontier,
        inspection,
        landscape,
        mistakes,
        pareto,
        prediction,
        review,
        soup,
        spectrum,
    )

__version__ = "0.1.0"

__all__ = [
    "AdaMerged",
    "Architecture",
    "Arrays",
    "CheckpointError",
    "CheckpointFile",
    "Comparison",
    "Evaluation",
    "Evaluator",
    "GreedySoup",
    "AlphasByGroup",
    "Images",
    "LearnedSoup",
    "Metric",
    "Pool",
    "PoolError",
    "Recipe",
    "ScaledArithmetic",
    "SoupWarning",
    "Store",
    "StoreError",
    "StoreWarning",
    "Suite",
    "SuiteError",
    "Sweep",
    "Tokens",
    "adamerging",
    "align",
    "alpha",
    "alpha_sweep",
    "as_classifier",
    "augmentation",
    "breadcrumbs",
    "check_soup",
    "compare",
    "consensus",
    "dare",
    "dawin",
    "della",
    "demo",
    "diagnose",
    "diagnosis",
    "diversity",
    "ema",
    "export_site",
    "figures",
    "fisher_soup",
    "frontier",
    "greedy_soup",
    "grouped_wise_ft",
    "inspection",
    "iso_c",
    "landscape",
    "language",
    "lawa",
    "learned_soup",
    "lines",
    "logit_ensemble",
    "mistakes",
    "model_stock",
    "monosoup",
    "open_clip_classifier",
    "pareto",
    "prediction",
    "prompt_head",
    "regmean",
    "review",
    "save_mixture",
    "scaled_arithmetic",
    "slerp",
    "soup",
    "spectrum",
    "stats",
    "swa",
    "swad",
    "task_arithmetic",
    "ties",
    "training",
    "tsv_merge",
    "uniform_soup",
    "widgets",
    "wise_ft",
    "with_classes",
    "zoo",
]


# Functions that load on first use, by name: their modules draw, or are a topic's.
_DRAWING = {"export_site": "pages", "diagnose": "diagnosis"}


def __getattr__(name: str) -> Any:
    package = _DRAWING.get(name, name)
    if package in _packages():
        try:
            found = importlib.import_module(_packages()[package])
            return found if package == name else getattr(found, name)
        except ModuleNotFoundError as error:
            if error.name and not error.name.startswith("soupwidgets"):
                raise ModuleNotFoundError(
                    f"soupwidgets.{name} needs the package {error.name!r}: pip install 'soupwidgets[lab]'",
                    name=error.name,
                ) from error
            raise
    method = _function_named(name)
    if method is not None:
        return method
    words = f"module 'soupwidgets' has no attribute {name!r}"
    # Tools often look for names that start with an underscore and do not exist.
    raise AttributeError(words if name.startswith("_") else f"{words}.{_meant(name)}", name=name)


def __dir__() -> list[str]:
    methods = [method.function.__name__ for method in _all_methods()]
    own = [name for name in globals() if name.startswith("__")]
    return sorted({*__all__, *_packages(), *own, *(name for name in methods if not name.startswith("_"))})


@cache
def _packages() -> dict[str, str]:
    """What loads on first use: packages, topics and the list of explorers, by name, with their modules."""
    packages = {module.name: f"soupwidgets.{module.name}" for module in pkgutil.iter_modules(__path__) if module.ispkg}
    topics = [module.name for module in pkgutil.iter_modules([f"{__path__[0]}/topics"])]
    return packages | {name: f"soupwidgets.topics.{name}" for name in topics} | {"widgets": "soupwidgets.widgets"}


def _meant(name: str) -> str:
    """A suggestion for a misspelt name, or one without the package it is in."""
    # Parsed, not imported: widgets' dependencies may be missing, and a wrong name is no reason to load them.
    found_in = {}
    for package, module in _packages().items():
        place = Path(__path__[0]).joinpath(*module.split(".")[1:])
        source = place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
        for line in ast.parse(source.read_text("utf-8")).body:
            if isinstance(line, ast.Assign) and ast.unparse(line.targets[0]) == "__all__":
                found_in[package] = ast.literal_eval(line.value)
    inner = {one: f"soupwidgets.{package}.{one}" for package, names in found_in.items() for one in names}
    outer = {one: f"soupwidgets.{one}" for one in [*__all__, *_packages()]}
    known = {**inner, **outer}
    exact = [one for one in known if one.lower() == name.lower()]
    found = exact or list(dict.fromkeys([*_nearest(name, outer), *_nearest(name, inner)]))[:3]
    return _did_you_mean([known[one] for one in found]) or " dir(soupwidgets) lists all names."
