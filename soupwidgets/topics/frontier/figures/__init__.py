"""Figures of frontiers: pure functions that turn results into plotly figures."""

from soupwidgets.topics.frontier.figures.models import models

__all__ = ["models"]
