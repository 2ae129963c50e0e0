"""Checkpoints that can be mixed."""

from soupwidgets.pool.differences import differences
from soupwidgets.pool.errors import PoolError, SoupWarning
from soupwidgets.pool.opening import name_of, weight_files
from soupwidgets.pool.pool import Pool

__all__ = ["Pool", "PoolError", "SoupWarning", "differences", "name_of", "weight_files"]
