"""The explorers, and `LiveFigure`, which turns any figure into a widget.

`explorer` makes a panel of your own one of them; `all_explorers` lists them. The names below are written out for type
checkers and for the documents: one of your own is found without them.
"""

from typing import TYPE_CHECKING, Any

from soupwidgets.commands.extensions import import_extensions
from soupwidgets.panel import all_explorers, explorer
from soupwidgets.panel.live_figure import LiveFigure
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

for _one in (AlphaExplorer, AugmentationExplorer, DiagnosisExplorer, DiversityExplorer, FrontierExplorer,
             LandscapeExplorer, MistakeReviewer, ParetoExplorer, Predict, SoupMixer, SpectrumExplorer):  # fmt: skip
    explorer(_one)
# What is installed beside this package may have explorers of its own.
import_extensions()


def __dir__() -> list[str]:
    return sorted({*__all__, "explorer", *(one.__name__ for one in all_explorers())})


# Type checkers shall go on to find a name that is misspelt.
if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        found = {one.__name__: one for one in all_explorers()}
        if name not in found:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}", name=name)
        return found[name]
