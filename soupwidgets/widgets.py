"""The explorers, and `LiveFigure`, which turns any figure into a widget."""

from soupwidgets.panel.live_figure import LiveFigure
from soupwidgets.topics.alpha.panel import AlphaExplorer
from soupwidgets.topics.augmentation.panel import AugmentationExplorer
from soupwidgets.topics.diversity.panel import DiversityExplorer
from soupwidgets.topics.frontier.panel import FrontierExplorer
from soupwidgets.topics.landscape.panel import LandscapeExplorer
from soupwidgets.topics.review.panel import MistakeReviewer
from soupwidgets.topics.soup.panel import SoupMixer
from soupwidgets.topics.spectrum.panel import SpectrumExplorer

__all__ = [
    "AlphaExplorer",
    "AugmentationExplorer",
    "DiversityExplorer",
    "FrontierExplorer",
    "LandscapeExplorer",
    "LiveFigure",
    "MistakeReviewer",
    "SoupMixer",
    "SpectrumExplorer",
]
