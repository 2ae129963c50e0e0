"""Diagnosis: whether checkpoints can be averaged, and what is wrong where they cannot."""

from soupwidgets.topics.diagnosis.diagnose import Diagnosis, diagnose, stream_diagnosis
from soupwidgets.topics.diagnosis.finding import Finding
from soupwidgets.topics.diagnosis.weights import WeightFacts, weight_facts

__all__ = [
    "Diagnosis",
    "Finding",
    "WeightFacts",
    "diagnose",
    "stream_diagnosis",
    "weight_facts",
]
