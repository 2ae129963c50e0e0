"""Diagnosis: whether checkpoints can be averaged, and what is wrong where they cannot."""

from soupwidgets.topics import on_demand
from soupwidgets.topics.diagnosis.diagnose import diagnose, stream_diagnosis
from soupwidgets.topics.diagnosis.finding import Finding
from soupwidgets.topics.diagnosis.pairs import PairBarrier, Pairs
from soupwidgets.topics.diagnosis.verdict import Diagnosis
from soupwidgets.topics.diagnosis.weights import WeightFacts, weight_facts

__all__ = [
    "Diagnosis",
    "Finding",
    "PairBarrier",
    "Pairs",
    "WeightFacts",
    "diagnose",
    "stream_diagnosis",
    "weight_facts",
]

__getattr__ = on_demand(__name__)
