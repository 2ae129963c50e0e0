"""Numbers on their way from memory to a card, while the processor works on the next ones."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Protocol

import torch
from torch import Tensor

# Bytes of a piece: long enough for the bus, short enough for the first one to leave soon.
_PIECE = 1 << 24


def no_wait() -> None:
    """Nothing is on its way."""


class Carrier(Protocol):
    """What copies tensors to a device behind the processor's back."""

    def memory(self, size: int) -> Tensor:
        """So many bytes that it can copy from."""
        ...

    def begin(self) -> None:
        """Copies from now on wait for what the device was told to do before."""
        ...

    def copy(self, target: Tensor, source: Tensor) -> Callable[[], object]:
        """Begin a copy; what is returned waits until the source may be written again."""
        ...

    def end(self) -> None:
        """What the device is told from now on waits for the copies."""
        ...


class CopyStream:
    """A CUDA stream of its own, and memory that the system may not move."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]

    def memory(self, size: int) -> Tensor:
        """Pinned memory."""
        return torch.empty(size, dtype=torch.uint8, pin_memory=True)

    def begin(self) -> None:
        """Copies wait for the device's own stream."""
        self._stream.wait_stream(torch.cuda.current_stream(self._device))

    def copy(self, target: Tensor, source: Tensor) -> Callable[[], object]:
        """Tell the stream."""
        with torch.cuda.stream(self._stream):
            target.copy_(source, non_blocking=True)
            copied = self._stream.record_event()
        return copied.synchronize  # type: ignore[no-any-return]

    def end(self) -> None:
        """The device's own stream waits for the copies."""
        torch.cuda.current_stream(self._device).wait_stream(self._stream)


class Sender:
    """Sends pieces that are made one after the other: two places take turns, one is filled while the other is sent.

    Used as a context: only after it may the device use what was sent.

    Parameters
    ----------
    carrier
        Copies to the device.
    piece
        Bytes of the longest piece.

    Attributes
    ----------
    piece
        As given.
    """

    def __init__(self, carrier: Carrier, piece: int = _PIECE) -> None:
        self._carrier, self.piece = carrier, piece
        self._places = [carrier.memory(piece) for _ in range(2)]
        self._waits: list[Callable[[], object]] = [no_wait, no_wait]
        self._turn = 0

    def __enter__(self) -> Sender:
        self._carrier.begin()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._carrier.end()

    def send(self, target: Tensor, fill: Callable[[Tensor], object]) -> None:
        """Fill a piece and have it copied.

        Parameters
        ----------
        target
            Flat, on the device; of at most ``piece`` bytes.
        fill
            Writes the numbers to a tensor of the same length and dtype, in memory.
        """
        self._turn = 1 - self._turn
        self._waits[self._turn]()
        place = self._places[self._turn][: target.nbytes].view(target.dtype)
        fill(place)
        self._waits[self._turn] = self._carrier.copy(target, place)
