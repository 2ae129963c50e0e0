"""Architectures: open_clip image towers as image classifiers."""

from soupwidgets.models.architecture import Architecture
from soupwidgets.models.classifier import ImageClassifier
from soupwidgets.models.heads import prompt_head
from soupwidgets.models.prompts import fill
from soupwidgets.models.streamlined import streamline
from soupwidgets.models.zero_shot import open_clip_classifier

__all__ = ["Architecture", "ImageClassifier", "fill", "open_clip_classifier", "prompt_head", "streamline"]
