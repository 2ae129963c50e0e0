"""Architectures: open_clip image towers as image classifiers."""

from soupwidgets.models.architecture import Architecture
from soupwidgets.models.classifier import ImageClassifier
from soupwidgets.models.streamlined import streamline

__all__ = ["Architecture", "ImageClassifier", "streamline"]
