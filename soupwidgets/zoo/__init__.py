"""The miniature zoo: how the bundled suite and pools are built, and what they show."""

from soupwidgets.zoo.baselines import write_baselines
from soupwidgets.zoo.build import build_zoo
from soupwidgets.zoo.diverse import build_diverse
from soupwidgets.zoo.miniature import write_miniature
from soupwidgets.zoo.report import zoo_report

__all__ = ["build_diverse", "build_zoo", "write_baselines", "write_miniature", "zoo_report"]
