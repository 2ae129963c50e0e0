"""Analysis: measurements into results. Nothing is drawn."""

from soupwidgets.analysis.along_alpha import AlongAlpha, Concavity, Diversity, along_alpha, concavity, diversity
from soupwidgets.analysis.barrier import Barrier, barrier
from soupwidgets.analysis.calibration import Calibration, best_temperature, calibration, expected_calibration_error
from soupwidgets.analysis.flips import Flip, find_flips
from soupwidgets.analysis.frontier_models import Frontier, FrontierModel, describe, frontier
from soupwidgets.analysis.frontier_point import FrontierPoint, frontier_point
from soupwidgets.analysis.inspection import Inspection, inspect_checkpoint
from soupwidgets.analysis.kinship import Kinship, kinship
from soupwidgets.analysis.paired import BootstrapMean, PairedTest, bootstrap_mean, mcnemar, right_answers
from soupwidgets.analysis.pairs import PairGain, pair_gains
from soupwidgets.analysis.published import (
    PublishedModels,
    canonical,
    matching_points,
    read_accuracy_table,
    read_individual_results,
    read_results_jsonl,
)
from soupwidgets.analysis.robustness import (
    Baseline,
    EffectiveRobustness,
    Scale,
    effective_robustness,
    fit_baseline,
    from_scale,
    to_scale,
)
from soupwidgets.analysis.soup_ensemble import SoupVersusEnsemble, soup_versus_ensemble

__all__ = [
    "AlongAlpha",
    "Barrier",
    "Baseline",
    "BootstrapMean",
    "Calibration",
    "Concavity",
    "Diversity",
    "EffectiveRobustness",
    "Flip",
    "Frontier",
    "FrontierModel",
    "FrontierPoint",
    "Inspection",
    "Kinship",
    "PairGain",
    "PairedTest",
    "PublishedModels",
    "Scale",
    "SoupVersusEnsemble",
    "along_alpha",
    "barrier",
    "best_temperature",
    "bootstrap_mean",
    "calibration",
    "canonical",
    "concavity",
    "describe",
    "diversity",
    "effective_robustness",
    "expected_calibration_error",
    "find_flips",
    "fit_baseline",
    "from_scale",
    "frontier",
    "frontier_point",
    "inspect_checkpoint",
    "kinship",
    "matching_points",
    "mcnemar",
    "pair_gains",
    "read_accuracy_table",
    "read_individual_results",
    "read_results_jsonl",
    "right_answers",
    "soup_versus_ensemble",
    "to_scale",
]
