"""Forward passes in as many pieces as memory allows."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor

from soupwidgets.models import Inputs
from soupwidgets.pool import SoupWarning


class Passes:
    """Calls networks with batches, and with smaller ones once a batch did not fit into the device's memory."""

    def __init__(self) -> None:
        self._most: int | None = None

    def __call__(self, network: Callable[[Inputs, slice], Tensor], inputs: Inputs) -> Tensor:
        """The network's outputs ``[n, ...]``.

        Parameters
        ----------
        network
            Is given some of the examples, and which of the ``n`` they are; its outputs for an example do not depend on
            the others.
        inputs
            Of ``n`` examples.

        Raises
        ------
        torch.OutOfMemoryError
            When there is not even enough memory for one example.
        """
        number = len(inputs) if isinstance(inputs, Tensor) else len(next(iter(inputs.values())))
        while True:
            try:
                found = [network(*piece) for piece in _pieces(inputs, number, self._most or number)]
                return found[0] if len(found) == 1 else torch.cat(found)
            except torch.OutOfMemoryError:
                tried = min(self._most or number, number)
                if tried == 1:
                    raise
            # Outside of the handler: the exception holds the pass, and with it the memory of its activations.
            found = []
            torch.cuda.empty_cache()
            self._most = tried // 2
            warnings.warn(
                f"a batch of {tried} examples does not fit into the device's memory; from now on {self._most} are "
                "computed at a time",
                SoupWarning,
                stacklevel=2,
            )


def first_of(inputs: Inputs, number: int) -> Inputs:
    """The first so many examples."""
    return _cut(inputs, slice(number))


def joined(batches: Sequence[Inputs]) -> Tensor | None:
    """Batches of several splits as one; None if there are not several, or their examples are not of one shape."""
    tensors = [batch for batch in batches if isinstance(batch, Tensor)]
    forms = {(batch.shape[1:], batch.dtype, batch.ndim == 4 and batch.stride(1) == 0) for batch in tensors}
    if len(batches) < 2 or len(tensors) < len(batches) or len(forms) != 1:
        return None
    if next(iter(forms))[2]:
        # The channels of a grey image are one and the same memory, and stay so.
        grey = torch.cat([batch[:, :1] for batch in tensors])
        return grey.expand(-1, tensors[0].shape[1], -1, -1)
    return torch.cat(tensors)


def _pieces(inputs: Inputs, number: int, most: int) -> Iterator[tuple[Inputs, slice]]:
    for start in range(0, number, most):
        part = slice(start, start + most)
        yield _cut(inputs, part), part


def _cut(inputs: Inputs, part: slice) -> Inputs:
    return inputs[part] if isinstance(inputs, Tensor) else {name: tensor[part] for name, tensor in inputs.items()}
