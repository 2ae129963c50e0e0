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
        Flat tensors of equal length, in float32, float16 or bfloat16; with no rows the sum is zero.
    coefficients
        One per row.
    out
        Flat float32 tensor of that length, distinct from the rows.

    Notes
    -----
    The sum is computed in float32 whatever the rows are stored in: it equals that of their float32 copies to the last
    bit.
    """
    if not rows:
        out.zero_()
        return
    step = _PIECE if out.device.type == "cpu" else len(out)
    if any(row.dtype != torch.float32 for row in rows):
        for start in range(0, len(out), step):
            piece = slice(start, start + step)
            weighted_sum([row[piece].float() for row in rows], coefficients, out[piece])
        return
    if len(rows) == 2 and abs(coefficients[0] + coefficients[1] - 1) < 1e-9:
        # WiSE-FT in one pass. torch.lerp takes one weight in float32 and uses 1 minus it for the other,
        # so pass the smaller one: the larger is then exact to the last bit too.
        far, near = (0, 1) if coefficients[0] < coefficients[1] else (1, 0)
        torch.lerp(rows[near], rows[far], coefficients[far], out=out)
        return
    for start in range(0, len(out), step):
        piece = slice(start, start + step)
        torch.mul(rows[0][piece], coefficients[0], out=out[piece])
        for row, coefficient in zip(rows[1:], coefficients[1:], strict=True):
            out[piece].add_(row[piece], alpha=coefficient)
