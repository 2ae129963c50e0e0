"""Prediction: what somebody expects of a measurement, said before it is shown, beside what was measured."""

from soupwidgets.topics import on_demand
from soupwidgets.topics.prediction.checking import check
from soupwidgets.topics.prediction.comparison import Comparison, compare
from soupwidgets.topics.prediction.question import Measured, Question, accuracy

__all__ = [
    "Comparison",
    "Measured",
    "Question",
    "accuracy",
    "check",
    "compare",
]

__getattr__ = on_demand(__name__)
