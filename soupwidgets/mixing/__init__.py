"""Mixing: recipes into weights."""

from soupwidgets.mixing.kernel import weighted_sum
from soupwidgets.mixing.layout import Layout, bind
from soupwidgets.mixing.matrix import PoolMatrix
from soupwidgets.mixing.streamed import mix_streamed, save_mixture

__all__ = ["Layout", "PoolMatrix", "bind", "mix_streamed", "save_mixture", "weighted_sum"]
