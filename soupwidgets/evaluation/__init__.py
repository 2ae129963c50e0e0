"""Evaluation: recipes and splits into measurements."""

from soupwidgets.evaluation.answers import right_answers
from soupwidgets.evaluation.batch_norm import Recalibration
from soupwidgets.evaluation.evaluation import Evaluation, Logits, SplitScore, fill_intervals, score_logits
from soupwidgets.evaluation.evaluator import Evaluator
from soupwidgets.evaluation.numbers import known_scores, score, scores_ahead, stream_score
from soupwidgets.evaluation.order import coarse_to_fine
from soupwidgets.evaluation.probe import BlendReader, probe, stream_probe
from soupwidgets.evaluation.screening import Screening, screen
from soupwidgets.evaluation.turns import meanwhile

__all__ = [
    "BlendReader",
    "Evaluation",
    "Evaluator",
    "Logits",
    "Recalibration",
    "Screening",
    "SplitScore",
    "coarse_to_fine",
    "fill_intervals",
    "known_scores",
    "meanwhile",
    "probe",
    "right_answers",
    "score",
    "score_logits",
    "scores_ahead",
    "screen",
    "stream_probe",
    "stream_score",
]
