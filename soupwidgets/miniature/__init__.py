"""A part of the bundled data that is installed along: real models and real images to begin with."""

from soupwidgets.miniature.installed import SUITE_FOLDER, ZOO_FOLDER, demo

__all__ = ["SUITE_FOLDER", "ZOO_FOLDER", "demo"]
