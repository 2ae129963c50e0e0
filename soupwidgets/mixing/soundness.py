"""Non-finite values: one NaN in one ingredient spoils every mixture that contains it."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor


def all_finite(tensor: Tensor) -> bool:
    """Whether no value is NaN or infinite.

    Examples
    --------
    >>> import torch
    >>> all_finite(torch.tensor([1.0, float("nan")])), all_finite(torch.full((4,), 3e38)), all_finite(torch.empty(0))
    (False, True, True)
    """
    # A sum needs no second tensor. It may overflow although all values are finite; then each value is checked.
    return bool(tensor.sum().isfinite()) or bool(tensor.isfinite().all())


def not_finite(name: str, tensors: Sequence[str]) -> str:
    """The warning for a checkpoint with such tensors."""
    more = f" and {len(tensors) - 1} more tensors" if len(tensors) > 1 else ""
    return (
        f"{name!r} has values that are not finite, in {tensors[0]}{more}: every mixture with it is spoilt. "
        "Did its training diverge? Leave it out."
    )
