"""The checkpoints' tensors in one block of bytes, no larger than exactness allows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from soupwidgets.mixing import PoolMatrix
from soupwidgets.site.errors import SiteError


def packed_weights(
    matrix: PoolMatrix, checkpoints: Sequence[str], tensors: Sequence[str]
) -> tuple[bytes, list[dict[str, Any]]]:
    """The tensors of some checkpoints, one tensor after the other.

    Parameters
    ----------
    matrix
        The pool's weights.
    checkpoints, tensors
        Which, in this order.

    Returns
    -------
    bytes
        Of each tensor ``rows`` times its values, little-endian, as float16 where no checkpoint's values change by that
        and as float32 elsewhere: first the lowest byte of all values, then the next, which packs better.
    list
        Of each tensor its ``name``, ``shape``, ``dtype``, ``rows`` (one if it is equal in all checkpoints, else one for
        each) and ``start`` in the block.

    Raises
    ------
    SiteError
        When a checkpoint has a value that is not finite.
    """
    rows = {name: matrix.row(name).cpu() for name in checkpoints}
    block, entries = bytearray(), []
    for tensor in tensors:
        place = matrix.layout.places[tensor]
        values = torch.stack([place.view(row).reshape(-1) for row in rows.values()])
        _require_finite(values, tensor, checkpoints)
        if bool((values == values[:1]).all()):
            values = values[:1]
        stored = _exact(values)
        entry = {"name": tensor, "shape": list(place.shape), "dtype": stored.dtype.name}
        entries.append({**entry, "rows": len(values), "start": len(block)})
        block += stored.reshape(-1).view(np.uint8).reshape(-1, stored.itemsize).T.tobytes()
    return bytes(block), entries


def unpacked_weights(block: bytes, entry: dict[str, Any]) -> Tensor:
    """Float32 values ``[rows, *shape]`` of one tensor of `packed_weights`."""
    dtype = np.dtype(entry["dtype"])
    count = entry["rows"] * math.prod(entry["shape"])
    planes = np.frombuffer(block, np.uint8, count * dtype.itemsize, entry["start"]).reshape(dtype.itemsize, count)
    values = np.ascontiguousarray(planes.T).view(dtype).astype(np.float32)
    return torch.from_numpy(values.reshape(entry["rows"], *entry["shape"]))


def _exact(values: Tensor) -> np.ndarray[Any, Any]:
    half = values.half()
    # Of zeros the sign counts for nothing.
    exact = bool((half.float() == values).all())
    return np.ascontiguousarray((half if exact else values).numpy())


def _require_finite(values: Tensor, tensor: str, checkpoints: Sequence[str]) -> None:
    broken = [name for name, row in zip(checkpoints, values, strict=True) if not bool(row.isfinite().all())]
    if broken:
        raise SiteError(f"{tensor} of {', '.join(broken)} has values that are not finite: leave the checkpoint out")
