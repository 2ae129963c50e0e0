"""Errors in training."""

from __future__ import annotations


class TrainingError(ValueError):
    """A model cannot be trained on a suite; the message says why and what to do."""
