"""Diversity: how differently models err, and how an ensemble benefits."""

from soupwidgets.topics import on_demand
from soupwidgets.topics.diversity.helpers import HelperStep, ensemble_of, greedy_ensemble
from soupwidgets.topics.diversity.imported_logits import import_member, read_logits
from soupwidgets.topics.diversity.members import LEVELS, Member, divergence, member, members, open_members, training_of
from soupwidgets.topics.diversity.ordering import Ordering, ordered
from soupwidgets.topics.diversity.pairs import (
    DivergenceTrend,
    DiversityMatrix,
    PairDiversity,
    cohens_kappa,
    divergence_trend,
    matrix,
    pair,
    stream_matrix,
)
from soupwidgets.topics.diversity.specialists import ClassSpecialist, Specialisation, class_specialists, specialisation

__all__ = [
    "ClassSpecialist",
    "DivergenceTrend",
    "DiversityMatrix",
    "HelperStep",
    "LEVELS",
    "Member",
    "Ordering",
    "PairDiversity",
    "Specialisation",
    "class_specialists",
    "cohens_kappa",
    "divergence",
    "divergence_trend",
    "ensemble_of",
    "greedy_ensemble",
    "import_member",
    "matrix",
    "member",
    "members",
    "open_members",
    "ordered",
    "pair",
    "read_logits",
    "specialisation",
    "stream_matrix",
    "training_of",
]

__getattr__ = on_demand(__name__)
