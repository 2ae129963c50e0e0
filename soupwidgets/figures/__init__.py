"""What all figures share: colours, axes, wording, and updates of a drawn figure."""

from soupwidgets.figures.patch import Patch, apply_patch, as_patch, text_alternative

__all__ = [
    "Patch",
    "apply_patch",
    "as_patch",
    "text_alternative",
]
