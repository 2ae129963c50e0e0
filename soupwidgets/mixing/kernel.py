"""The weighted sum of rows, at the speed of memory."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

# On a CPU the sum is made piece by piece, so that what is added to is still in the cache:
# each row is then read once and the result written once, however many rows there are.
_PIECE = 1 << 18


def weighted_sum(rows: Sequence[Tensor], coefficients: Sequence[float], out: Tensor) -> None:
    """Write ``sum_i coefficients[i] * rows[i]`` to ``out``.

    Parameters
    ----------
    rows
        Flat float32 tensors of one length, at least one.
    coefficients
        One per row.
    out
        Flat tensor of that length, none of the rows.
    """
    # torch.lerp would do two rows in one operation, but takes 1 - alpha in float32: at alpha = 0.999
    # the coefficient of the first row is then off by 6e-5 of itself.
    step = _PIECE if out.device.type == "cpu" else len(out)
    for start in range(0, len(out), step):
        piece = slice(start, start + step)
        torch.mul(rows[0][piece], coefficients[0], out=out[piece])
        for row, coefficient in zip(rows[1:], coefficients[1:], strict=True):
            out[piece].add_(row[piece], alpha=coefficient)
