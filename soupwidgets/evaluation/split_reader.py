"""A split's examples in a fixed random order, ready for a model."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from soupwidgets.evaluation.prefetch import Prefetch
from soupwidgets.models import Inputs, Model
from soupwidgets.suites import Split

_ORDER_SEED = 0


class SplitReader:
    """Batches of a split in a seeded order, in the form that the model takes, on the device.

    The first examples of the order are a random sample of the split: a partial
    result is therefore an unbiased estimate. The order depends on the split's length
    alone, so every model sees the same examples first.

    Parameters
    ----------
    split
        The examples and labels.
    model
        Determines what becomes of them: how images are normalised, how texts are padded.
    device
        On CUDA all of them are moved there once, if they take less than half of
        what is free; otherwise, and on a CPU, they stay where they are (possibly
        memory-mapped) and each batch is gathered, on CUDA while the one before is computed.
    """

    def __init__(self, split: Split, model: Model, device: torch.device) -> None:
        self.split = split
        self.order = np.random.default_rng(_ORDER_SEED).permutation(len(split))
        self._place = np.argsort(self.order)
        self.labels = torch.from_numpy(split.labels[self.order]).to(device)
        self._device = device
        self._prepare = model.inputs.on(device)
        self._examples = split.examples
        self._resident: dict[str, Tensor] | None = None
        size = sum(array.nbytes for array in self._examples.values())
        if device.type == "cuda" and 2 * size < torch.cuda.mem_get_info(device)[0]:
            self._resident = self._gather(self.order)
        # A CPU is busy with the batch before.
        wanted = device.type == "cuda" and self._resident is None
        self._ahead = Prefetch(self._fetched, len(self.order)) if wanted else None
        self._stream = torch.cuda.Stream(device) if wanted else None  # type: ignore[no-untyped-call]

    def __len__(self) -> int:
        return len(self.order)

    def batch(self, start: int, stop: int) -> Inputs:
        """Examples ``start`` to ``stop`` of the order; images as ``[n, channels, height, width]``, float32."""
        if self._ahead is not None:
            return self._prepare(self._arrived(*self._ahead(start, stop)))
        if self._resident is None:
            return self._prepare(self._gather(self.order[start:stop]))
        return self._prepare({name: _own(tensor[start:stop]) for name, tensor in self._resident.items()})

    def pick(self, rows: NDArray[np.int64]) -> tuple[Inputs, Tensor]:
        """Examples at these positions of the split's own order, in the form of `batch`, and their labels."""
        places = torch.from_numpy(self._place[rows]).to(self.labels.device)
        if self._resident is None:
            return self._prepare(self._gather(rows)), self.labels[places]
        return self._prepare({name: tensor[places] for name, tensor in self._resident.items()}), self.labels[places]

    def _gather(self, rows: NDArray[np.int64]) -> dict[str, Tensor]:
        return self._sent(self._picked(rows))

    def _fetched(self, start: int, stop: int) -> tuple[dict[str, Tensor], torch.cuda.Event | None]:
        """The tensors, and what says that a card has them: it fetches them from pinned memory while it computes."""
        tensors = self._picked(self.order[start:stop])
        if self._stream is None:
            return tensors, None
        with torch.cuda.stream(self._stream):
            sent = self._sent({name: tensor.pin_memory() for name, tensor in tensors.items()})
            return sent, self._stream.record_event()

    def _arrived(self, tensors: dict[str, Tensor], there: torch.cuda.Event | None) -> dict[str, Tensor]:
        """The same, for what the card is told to do from now on."""
        if there is not None:
            current = torch.cuda.current_stream(self._device)
            current.wait_event(there)
            for tensor in tensors.values():
                # Its memory may be given to others only after this stream is done with it.
                tensor.record_stream(current)
        return tensors

    def _picked(self, rows: NDArray[np.int64]) -> dict[str, Tensor]:
        # PyTorch computes little with unsigned numbers of more than eight bits.
        picked = {name: array[rows] for name, array in self._examples.items()}
        wide = {n: a.astype(np.int64) if a.dtype.kind == "u" and a.itemsize > 1 else a for n, a in picked.items()}
        return {name: torch.from_numpy(array) for name, array in wide.items()}

    def _sent(self, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
        return {name: tensor.to(self._device, non_blocking=True) for name, tensor in tensors.items()}


def _own(part: Tensor) -> Tensor:
    """Numbers that nobody else has: what becomes a model's input without a conversion may be overwritten there."""
    return part if part.dtype == torch.uint8 else part.clone()


class ReorderedReader:
    """The same in another order, which may change for examples that were not measured yet.

    Parameters
    ----------
    reader
        The split's examples.
    order
        Returns all positions of the split in the order of measurement, ``[n]``.
    """

    def __init__(self, reader: SplitReader, order: Callable[[], NDArray[np.int64]]) -> None:
        self._reader, self._order = reader, order

    def __len__(self) -> int:
        return len(self._reader)

    @property
    def order(self) -> NDArray[np.int64]:
        """All positions of the split in the order of measurement."""
        return self._order()

    @property
    def labels(self) -> Tensor:
        """In this order, on the device."""
        return torch.from_numpy(self._reader.split.labels[self.order]).to(self._reader.labels.device)

    def batch(self, start: int, stop: int) -> Inputs:
        """As `SplitReader.batch`."""
        return self.pick(self.order[start:stop])[0]

    def pick(self, rows: NDArray[np.int64]) -> tuple[Inputs, Tensor]:
        """As `SplitReader.pick`."""
        return self._reader.pick(rows)
