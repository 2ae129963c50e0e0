"""The text zoo: descriptions of Debian's packages, and small BERT classifiers that tell what they are about."""

from soupwidgets.zoo.text.build import build_text_zoo
from soupwidgets.zoo.text.measure import measure

__all__ = ["build_text_zoo", "measure"]
