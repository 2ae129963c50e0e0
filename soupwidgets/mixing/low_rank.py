"""Mixing with adapters: the checkpoint that they change counts for them, and their products are added."""

from __future__ import annotations

import warnings
from collections.abc import Mapping

import torch
from torch import Tensor

from soupwidgets.checkpoints import AdapterFile, add_products
from soupwidgets.mixing.kernel import weighted_sum
from soupwidgets.mixing.soundness import all_finite, not_finite
from soupwidgets.pool import Pool, SoupWarning


class LowRank:
    """An adapter in memory, as low-rank factors.

    Parameters
    ----------
    pool
        The pool that it is in.
    name
        Its name there.
    base
        The name of the checkpoint that it changes.
    device
        Where the factors are.

    Attributes
    ----------
    base
        As given.
    products, full
        As in `AdapterWeights`.
    """

    def __init__(self, pool: Pool, name: str, base: str, device: torch.device) -> None:
        file = pool.checkpoints[name]
        assert isinstance(file, AdapterFile)
        weights = file.weights().to(device)
        self.base, self.products, self.full = base, weights.products, weights.full
        broken = [n for n, p in self.products.items() if not all_finite(p.left) or not all_finite(p.right)]
        broken += [n for n, tensor in self.full.items() if not all_finite(tensor)]
        if broken:
            warnings.warn(not_finite(name, sorted(broken)), SoupWarning, stacklevel=3)

    @property
    def held_bytes(self) -> int:
        """The size of its factors, and of the tensors that it replaces."""
        factors = [tensor for product in self.products.values() for tensor in (product.left, product.right)]
        return sum(tensor.nbytes for tensor in (*factors, *self.full.values()))


def bases(pool: Pool) -> dict[str, str]:
    """The adapters of a pool that are mixed as factors, with the name of the checkpoint that each changes.

    Adapters of a checkpoint that is not in the pool, and those that are not low-rank (DoRA), are left out: they are
    mixed as any other checkpoint.
    """
    whole = {name: file for name, file in pool.checkpoints.items() if not isinstance(file, AdapterFile)}
    found = {}
    for name, file in pool.checkpoints.items():
        if isinstance(file, AdapterFile) and file.is_low_rank:
            same = (other for other, known in whole.items() if known is file.base)
            # A pool that was prepared holds its own view of the same file.
            equal = (other for other, known in whole.items() if known.content_hash == file.base.content_hash)
            base = next(same, None) or next(equal, None)
            if base is not None:
                found[name] = base
    return found


def mix_part(
    out: Tensor,
    coefficients: Mapping[str, float],
    pieces: Mapping[str, Tensor],
    adapters: Mapping[str, LowRank],
    *,
    tensor: str,
    start: int = 0,
) -> None:
    """Write a mixture of checkpoints and adapters, for one tensor or a flat piece of it.

    Parameters
    ----------
    out
        Flat float32 piece.
    coefficients
        Of checkpoints and adapters, by name.
    pieces
        The same piece of every checkpoint that is mixed or changed by an adapter, float32.
    adapters
        By name.
    tensor, start
        Which tensor, and where the piece begins in it.

    Notes
    -----
    ``sum_j c_j W_j + sum_i c_i (W_base(i) + B_i A_i)``: the adapters' coefficients are added to those of their
    bases, each base is read once, and all products become one (`add_products`). Tensors that an adapter replaces
    are rows of their own.
    """
    summed: dict[str, float] = {}
    rows: list[Tensor] = []
    own: list[float] = []
    products = []
    for name, coefficient in coefficients.items():
        adapter = adapters.get(name)
        if adapter is not None and tensor in adapter.full:
            rows.append(adapter.full[tensor].view(-1)[start : start + len(out)])
            own.append(coefficient)
            continue
        row = name if adapter is None else adapter.base
        summed[row] = summed.get(row, 0.0) + coefficient
        if adapter is not None and tensor in adapter.products:
            products.append((coefficient, adapter.products[tensor]))
    kept = {name: coefficient for name, coefficient in summed.items() if coefficient}
    weighted_sum([*(pieces[name] for name in kept), *rows], [*kept.values(), *own], out)
    add_products(out, products, start)
