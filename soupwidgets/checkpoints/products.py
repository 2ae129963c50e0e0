"""Low-rank changes of weights, added to a buffer without making the full matrices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Product:
    """The change ``left @ right`` of a tensor, seen as a matrix of its first axis by all others.

    Parameters
    ----------
    left
        ``[rows, rank]``, float32.
    right
        ``[rank, columns]``, float32.
    """

    left: Tensor
    right: Tensor

    @property
    def numbers(self) -> int:
        """How many numbers it holds."""
        return self.left.numel() + self.right.numel()


def add_products(out: Tensor, terms: Sequence[tuple[float, Product]], start: int = 0) -> None:
    """Add ``sum_i coefficient_i * left_i @ right_i`` to a tensor, or to a flat piece of it, as one product.

    Parameters
    ----------
    out
        Flat, contiguous, float32; not aliased.
    terms
        Coefficients and products; all products are of the same tensor.
    start
        Where ``out`` begins in the flat tensor.

    Notes
    -----
    The factors are put side by side: ``[c_1 B_1, c_2 B_2] [A_1; A_2] = c_1 B_1 A_1 + c_2 B_2 A_2``.

    Examples
    --------
    >>> ones = Product(torch.ones(2, 1), torch.ones(1, 3))
    >>> steps = Product(torch.tensor([[0.0], [10.0]]), torch.tensor([[1.0, 2.0, 3.0]]))
    >>> piece = torch.zeros(4)
    >>> add_products(piece, [(1.0, ones), (0.5, steps)], start=2)
    >>> piece
    tensor([ 1.,  6., 11., 16.])
    """
    if not terms or not len(out):
        return
    rows, columns = terms[0][1].left.shape[0], terms[0][1].right.shape[1]
    first, last = start // columns, -(-(start + len(out)) // columns)
    left = torch.cat([coefficient * product.left[first:last] for coefficient, product in terms], dim=1)
    right = terms[0][1].right if len(terms) == 1 else torch.cat([product.right for _, product in terms])
    if len(out) == rows * columns:
        out.view(rows, columns).addmm_(left, right)
    else:
        skipped = start - first * columns
        out.add_((left @ right).view(-1)[skipped : skipped + len(out)])
