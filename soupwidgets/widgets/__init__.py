"""Widgets: figures made live. The only room that imports ipywidgets."""

from soupwidgets.widgets.alpha_explorer import AlphaExplorer
from soupwidgets.widgets.augmentation_explorer import AugmentationExplorer
from soupwidgets.widgets.diversity_explorer import DiversityExplorer
from soupwidgets.widgets.drag_slider import DragSlider
from soupwidgets.widgets.frontier_explorer import FrontierExplorer
from soupwidgets.widgets.ingredient_table import IngredientTable
from soupwidgets.widgets.landscape_explorer import LandscapeExplorer
from soupwidgets.widgets.live_figure import LiveFigure
from soupwidgets.widgets.mistake_reviewer import MistakeReviewer
from soupwidgets.widgets.plane_figure import PlaneFigure
from soupwidgets.widgets.review_card import ReviewCard
from soupwidgets.widgets.soup_mixer import SoupMixer
from soupwidgets.widgets.spectrum_explorer import SpectrumExplorer

__all__ = [
    "AlphaExplorer",
    "AugmentationExplorer",
    "DiversityExplorer",
    "DragSlider",
    "FrontierExplorer",
    "IngredientTable",
    "LandscapeExplorer",
    "LiveFigure",
    "MistakeReviewer",
    "PlaneFigure",
    "ReviewCard",
    "SoupMixer",
    "SpectrumExplorer",
]
