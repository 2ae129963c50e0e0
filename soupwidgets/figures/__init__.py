"""What all figures share: colours, axes, words, and how a drawn figure changes."""

from soupwidgets.figures.patch import Patch, apply_patch, as_patch, text_alternative

__all__ = [
    "Patch",
    "apply_patch",
    "as_patch",
    "text_alternative",
]
