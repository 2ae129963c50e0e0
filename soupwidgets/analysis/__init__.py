"""Analysis: measurements into results. Nothing is drawn."""

from soupwidgets.analysis.along_alpha import AlongAlpha, Concavity, Diversity, along_alpha, concavity, diversity
from soupwidgets.analysis.barrier import BarrierMatrix, barrier, barrier_matrix, stream_barriers
from soupwidgets.analysis.blocks import BlockProfile, block_profile, blocks_of, interpolate_blocks
from soupwidgets.analysis.calibration import Calibration, best_temperature, calibration, expected_calibration_error
from soupwidgets.analysis.flips import Flip, find_flips
from soupwidgets.analysis.frontier_models import Frontier, FrontierModel, describe, frontier
from soupwidgets.analysis.frontier_point import FrontierPoint, frontier_point
from soupwidgets.analysis.geometry import WeightGeometry, weight_geometry
from soupwidgets.analysis.helpers import HelperStep, ensemble_of, greedy_ensemble
from soupwidgets.analysis.imported_logits import import_member, read_logits
from soupwidgets.analysis.inspection import Inspection, inspect_checkpoint
from soupwidgets.analysis.kinship import Kinship, kinship
from soupwidgets.analysis.landscape_line import (
    LandscapeLine,
    landscape_line,
    split_named,
    stream_line,
    stream_path,
)
from soupwidgets.analysis.landscape_marks import Mark, landscape_marks, stream_marks
from soupwidgets.analysis.landscape_plane import Landscape, Limits, landscape_plane, stream_plane
from soupwidgets.analysis.members import LEVELS, Member, divergence, member, members, open_members, training_of
from soupwidgets.analysis.ordering import Ordering, ordered
from soupwidgets.analysis.pair_diversity import (
    DivergenceTrend,
    DiversityMatrix,
    PairDiversity,
    cohens_kappa,
    divergence_trend,
    diversity_matrix,
    pair_diversity,
    stream_diversity,
)
from soupwidgets.analysis.paired import BootstrapMean, PairedTest, bootstrap_mean, mcnemar, right_answers
from soupwidgets.analysis.pairs import PairGain, pair_gains
from soupwidgets.analysis.plane import Place, Plane, plane_through, trajectory_plane
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
from soupwidgets.analysis.sharpness import Sharpness, sharpness, stream_sharpness
from soupwidgets.analysis.soup_ensemble import SoupVersusEnsemble, soup_versus_ensemble
from soupwidgets.analysis.specialists import ClassSpecialist, Specialisation, class_specialists, specialisation

__all__ = [
    "Ordering",
    "ordered",
    "ensemble_of",
    "LEVELS",
    "Member",
    "DivergenceTrend",
    "DiversityMatrix",
    "PairDiversity",
    "HelperStep",
    "ClassSpecialist",
    "Specialisation",
    "greedy_ensemble",
    "import_member",
    "read_logits",
    "divergence",
    "member",
    "members",
    "open_members",
    "training_of",
    "cohens_kappa",
    "divergence_trend",
    "diversity_matrix",
    "pair_diversity",
    "stream_diversity",
    "class_specialists",
    "specialisation",
    "AlongAlpha",
    "BarrierMatrix",
    "Baseline",
    "BlockProfile",
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
    "Landscape",
    "LandscapeLine",
    "Limits",
    "Mark",
    "PairGain",
    "PairedTest",
    "Place",
    "Plane",
    "PublishedModels",
    "Scale",
    "Sharpness",
    "SoupVersusEnsemble",
    "WeightGeometry",
    "along_alpha",
    "barrier",
    "barrier_matrix",
    "best_temperature",
    "block_profile",
    "blocks_of",
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
    "interpolate_blocks",
    "kinship",
    "landscape_line",
    "landscape_marks",
    "landscape_plane",
    "matching_points",
    "mcnemar",
    "pair_gains",
    "plane_through",
    "read_accuracy_table",
    "read_individual_results",
    "read_results_jsonl",
    "right_answers",
    "sharpness",
    "soup_versus_ensemble",
    "split_named",
    "stream_barriers",
    "stream_line",
    "stream_marks",
    "stream_path",
    "stream_plane",
    "stream_sharpness",
    "to_scale",
    "trajectory_plane",
    "weight_geometry",
]
