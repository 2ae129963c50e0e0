"""Reading checkpoints into rows of a matrix."""

from __future__ import annotations

import warnings
from contextlib import nullcontext
from functools import partial

import torch
from torch import Tensor

from soupwidgets.mixing.layout import Layout
from soupwidgets.mixing.low_rank import bases
from soupwidgets.mixing.sending import Sender
from soupwidgets.mixing.soundness import all_finite, not_finite
from soupwidgets.pool import Pool, SoupWarning


def read_row(pool: Pool, name: str, row: Tensor, layout: Layout, sender: Sender | None) -> dict[str, Tensor]:
    """Fill a row with the weights of a checkpoint; a warning says where they are not finite.

    Parameters
    ----------
    pool, name
        Which checkpoint.
    row
        Flat, in the layout.
    layout
        Where each tensor lies.
    sender
        What brings them to a card: the next piece is read and looked at while the last one is on its way.

    Returns
    -------
    dict[str, Tensor]
        The tensors that are not mixed, on the row's device.
    """
    whole: dict[str, Tensor] = {}
    broken: list[str] = []

    def fill(tensor: str, piece: Tensor, place: Tensor) -> None:
        if not all_finite(place.copy_(piece)) and tensor not in broken:
            broken.append(tensor)

    with sender or nullcontext():
        for tensor, start, piece in pool.checkpoints[name].pieces():
            if tensor not in layout.places:
                info = pool.tensors[tensor]
                if start == 0:
                    whole[tensor] = torch.empty(info.shape, dtype=info.dtype, device=row.device)
                whole[tensor].view(-1)[start : start + len(piece)].copy_(piece)
                continue
            place = layout.places[tensor].view(row).view(-1)[start : start + len(piece)]
            if sender is None:
                fill(tensor, piece, place)
            else:
                sender.send(place, partial(fill, tensor, piece))
    if broken:
        warnings.warn(not_finite(name, broken), SoupWarning, stacklevel=2)
    return whole


def stored_dtype(pool: Pool) -> torch.dtype:
    """The one half precision that every floating-point tensor of every checkpoint has, or else float32."""
    low_rank = bases(pool)
    found = {
        info.dtype
        for name, file in pool.checkpoints.items()
        if name not in low_rank
        for tensor, info in file.tensors.items()
        if tensor in pool.tensors and info.dtype.is_floating_point
    }
    return found.pop() if found in ({torch.float16}, {torch.bfloat16}) else torch.float32
