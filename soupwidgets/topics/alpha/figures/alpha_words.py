"""An alpha in words."""

from __future__ import annotations

from soupwidgets.evaluation import Evaluation
from soupwidgets.translation import gettext as _


def alpha_words(alpha: float, evaluation: Evaluation) -> str:
    """Say an alpha, and whether what is said of it is coarse."""
    return f"{alpha:.3g}" if evaluation.exact else _("{alpha} (coarse)").format(alpha=f"{alpha:.3g}")
