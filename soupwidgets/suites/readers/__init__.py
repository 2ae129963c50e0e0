"""Data sets as they lie on disk. Every file here with the decorator `reader` is found."""

from soupwidgets.decorators import import_files
from soupwidgets.suites.readers.reader import READERS, Reader, reader

__all__ = ["READERS", "Reader", "reader"]

import_files(__name__, __path__)
