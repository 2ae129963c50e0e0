"""The weighted sum of rows, as fast as memory allows."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

# On a CPU the sum is computed in pieces, so that the result is still in the cache when the next row is added:
# each row is then read once and the result written once, however many rows there are.
_PIECE = 1 << 19


def weighted_sum(rows: Sequence[Tensor], coefficients: Sequence[float], out: Tensor) -> None:
    """Write ``sum_i coefficients[i] * rows[i]`` to ``out``.

    Parameters
    ----------
    rows
        Flat float32 tensors of equal length; with no rows the sum is zero.
    coefficients
        One per row.
    out
        Flat tensor of that length, distinct from the rows.
    """
    if not rows:
        out.zero_()
        return
    if len(rows) == 2 and abs(coefficients[0] + coefficients[1] - 1) < 1e-9:
        # WiSE-FT in one pass. torch.lerp takes one weight in float32 and uses 1 minus it for the other,
        # so pass the smaller one: the larger is then exact to the last bit too.
        far, near = (0, 1) if coefficients[0] < coefficients[1] else (1, 0)
        torch.lerp(rows[near], rows[far], coefficients[far], out=out)
        return
    step = _PIECE if out.device.type == "cpu" else len(out)
    for start in range(0, len(out), step):
        piece = slice(start, start + step)
        torch.mul(rows[0][piece], coefficients[0], out=out[piece])
        for row, coefficient in zip(rows[1:], coefficients[1:], strict=True):
            out[piece].add_(row[piece], alpha=coefficient)
