"""The explorers, and `LiveFigure`, which turns any figure into a widget.

`explorer` makes a panel of your own one of them; `all_explorers` lists them. The names below are written out for type
checkers and for the documents: one of your own is found without them.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from soupwidgets.commands.extensions import import_extensions
from soupwidgets.panel import Panel, explorer, offering
from soupwidgets.panel.live_figure import LiveFigure

if TYPE_CHECKING:
    from soupwidgets.topics.alpha.panel import AlphaExplorer
    from soupwidgets.topics.augmentation.panel import AugmentationExplorer
    from soupwidgets.topics.diagnosis.panel import DiagnosisExplorer
    from soupwidgets.topics.diversity.panel import DiversityExplorer
    from soupwidgets.topics.frontier.panel import FrontierExplorer
    from soupwidgets.topics.landscape.panel import LandscapeExplorer
    from soupwidgets.topics.pareto.panel import ParetoExplorer
    from soupwidgets.topics.prediction.panel import Predict
    from soupwidgets.topics.review.panel import MistakeReviewer
    from soupwidgets.topics.soup.panel import SoupMixer
    from soupwidgets.topics.spectrum.panel import SpectrumExplorer

__all__ = [
    "AlphaExplorer",
    "AugmentationExplorer",
    "DiagnosisExplorer",
    "DiversityExplorer",
    "FrontierExplorer",
    "LandscapeExplorer",
    "LiveFigure",
    "MistakeReviewer",
    "ParetoExplorer",
    "Predict",
    "SoupMixer",
    "SpectrumExplorer",
    "all_explorers",
]


def all_explorers() -> tuple[type[Panel], ...]:
    """Every explorer, by name."""
    for name in offering.BUNDLED:
        _bundled(name)
    return offering.all_explorers()


def _bundled(name: str) -> Any:
    # The first picture of one explorer does not wait for what the others import.
    return explorer(getattr(import_module(offering.BUNDLED[name]), name))


def __dir__() -> list[str]:
    return sorted({*__all__, "explorer", *(one.__name__ for one in all_explorers())})


# Type checkers shall go on to find a name that is misspelt.
if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        if name in offering.BUNDLED:
            return _bundled(name)
        found = {one.__name__: one for one in offering.all_explorers()}
        if name not in found:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}", name=name)
        return found[name]


# What is installed beside this package may have explorers of its own, and make them of ours.
import_extensions()
