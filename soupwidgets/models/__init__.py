"""Architectures: open_clip image towers as image classifiers."""

from soupwidgets.models.architecture import Architecture
from soupwidgets.models.streamlined import streamline
from soupwidgets.models.classifier import ImageClassifier

__all__ = ["Architecture", "ImageClassifier", "streamline"]
