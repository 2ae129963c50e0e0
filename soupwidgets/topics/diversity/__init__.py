"""Diversity: how differently models err, and how an ensemble benefits."""

from soupwidgets.topics import on_demand
from soupwidgets.topics.diversity.agreement import cohens_kappa, error_consistency
from soupwidgets.topics.diversity.combining import Combination, combined
from soupwidgets.topics.diversity.compression import CompressedFeatures, FeatureOrder, compressed_features
from soupwidgets.topics.diversity.downstream import Transfer, transfer
from soupwidgets.topics.diversity.features import features_of
from soupwidgets.topics.diversity.helpers import HelperStep, ensemble_of, greedy_ensemble
from soupwidgets.topics.diversity.imported_logits import import_member, read_logits
from soupwidgets.topics.diversity.matrices import DiversityMatrix, matrix, stream_matrix
from soupwidgets.topics.diversity.members import Member, member, members, mixture
from soupwidgets.topics.diversity.opening import open_members
from soupwidgets.topics.diversity.ordering import Ordering, ordered
from soupwidgets.topics.diversity.pairs import PairDiversity, pair
from soupwidgets.topics.diversity.probing import Reading
from soupwidgets.topics.diversity.representations import (
    CombinedFeatures,
    combined_features,
    stream_combined_features,
)
from soupwidgets.topics.diversity.single_helpers import HelperGain, helper_gains
from soupwidgets.topics.diversity.specialists import ClassSpecialist, Specialisation, class_specialists, specialisation
from soupwidgets.topics.diversity.trainings import LEVELS, divergence, stated_training, training_of
from soupwidgets.topics.diversity.trend import DivergenceTrend, divergence_trend

__all__ = [
    "ClassSpecialist",
    "Combination",
    "CombinedFeatures",
    "CompressedFeatures",
    "DivergenceTrend",
    "DiversityMatrix",
    "FeatureOrder",
    "HelperGain",
    "HelperStep",
    "LEVELS",
    "Member",
    "Ordering",
    "PairDiversity",
    "Reading",
    "Specialisation",
    "Transfer",
    "class_specialists",
    "cohens_kappa",
    "combined",
    "combined_features",
    "compressed_features",
    "divergence",
    "divergence_trend",
    "ensemble_of",
    "error_consistency",
    "features_of",
    "greedy_ensemble",
    "helper_gains",
    "import_member",
    "matrix",
    "member",
    "members",
    "mixture",
    "open_members",
    "ordered",
    "pair",
    "read_logits",
    "specialisation",
    "stated_training",
    "stream_combined_features",
    "stream_matrix",
    "training_of",
    "transfer",
]

__getattr__ = on_demand(__name__)
