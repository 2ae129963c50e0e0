"""Mixing: recipes into weights."""

from soupwidgets.mixing.kernel import weighted_sum
from soupwidgets.mixing.layout import Layout, bind
from soupwidgets.mixing.matrix import PoolMatrix

__all__ = ["Layout", "PoolMatrix", "bind", "weighted_sum"]
