"""Mixing: turning recipes into weights."""

from soupwidgets.mixing.curve import Curve, CurveKind, curve_coefficients
from soupwidgets.mixing.gram import grams
from soupwidgets.mixing.kernel import weighted_sum
from soupwidgets.mixing.layout import Layout, bind
from soupwidgets.mixing.matrix import PoolMatrix
from soupwidgets.mixing.streamed import check_target, mix_streamed, save_mixture, save_stream

__all__ = [
    "Curve",
    "CurveKind",
    "Layout",
    "PoolMatrix",
    "bind",
    "check_target",
    "curve_coefficients",
    "grams",
    "mix_streamed",
    "save_mixture",
    "save_stream",
    "weighted_sum",
]
