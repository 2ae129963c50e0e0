"""Inspection: what is in checkpoints, and whether they can be mixed."""

from soupwidgets.topics.inspection.checkpoint import Inspection, inspect_checkpoint
from soupwidgets.topics.inspection.kinship import Kinship, kinship

__all__ = [
    "Inspection",
    "Kinship",
    "inspect_checkpoint",
    "kinship",
]
