"""A file that behaves like a byte string and is read piece by piece, on demand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import FileIO

import torch
from torch import Tensor

_WINDOW = 1 << 16

# Returns a buffer of the given number of bytes to read into.
Memory = Callable[[int], Tensor]


def fresh(count: int) -> Tensor:
    """A newly allocated buffer."""
    return torch.empty(count, dtype=torch.uint8)


class Scratch:
    """Reuses one buffer: allocating memory takes longer than reading into it."""

    def __init__(self) -> None:
        self._flat = fresh(0)

    def __call__(self, count: int) -> Tensor:
        """A buffer of ``count`` bytes, valid until the next call."""
        if len(self._flat) < count:
            self._flat = fresh(count)
        return self._flat[:count]


@dataclass(frozen=True)
class Pieces:
    """How tensors are read: flat, in pieces of at most ``longest`` elements, each into ``memory``."""

    longest: int
    memory: Memory

    def spans(self, count: int) -> Iterator[tuple[int, int]]:
        """Start and end of each piece of ``count`` elements; zero elements give one empty piece."""
        for start in range(0, max(1, count), self.longest):
            yield start, min(start + self.longest, count)

    def read(self, file: FileIO, offset: int, dtype: torch.dtype, count: int) -> Iterator[Tensor]:
        """Read the numbers at an offset in a file, piece by piece."""
        for start, stop in self.spans(count):
            flat = self.memory((stop - start) * dtype.itemsize)
            read_into(file, offset + start * dtype.itemsize, flat.numpy().data)
            yield flat.view(dtype)


def read_into(file: FileIO, offset: int, buffer: memoryview) -> None:
    """Fill a buffer from an offset in the file.

    Raises
    ------
    ValueError
        When the file is too short.
    """
    file.seek(offset)
    while len(buffer):
        # One call reads at most two gigabytes.
        read = file.readinto(buffer)
        if not read:
            raise ValueError("the file ends before it should: it was truncated, perhaps while it was open")
        buffer = buffer[read:]


class _Window:
    """The part of a file that was read last."""

    def __init__(self, file: FileIO) -> None:
        self.file = file
        self.start, self.bytes = 0, b""

    def holds(self, start: int, stop: int) -> bool:
        return self.start <= start and stop <= self.start + len(self.bytes)

    def move(self, start: int) -> None:
        self.file.seek(start)
        self.start, self.bytes = start, self.file.read(_WINDOW) or b""


class FileBytes:
    """Part of a file, with what the pickle reader needs: its length, single bytes, and slices that read nothing.

    Memory mapping would do the same, but if a mapped file is truncated while it is in use
    the operating system kills the process that reads it; here it is an ordinary error.

    Parameters
    ----------
    file
        Open, unbuffered.
    start, stop
        The range of bytes.
    """

    def __init__(self, file: FileIO, start: int, stop: int) -> None:
        self._window = _Window(file)
        self.start, self.stop = start, stop

    def __len__(self) -> int:
        return self.stop - self.start

    def __getitem__(self, index: int) -> int:
        # Called once per pickle instruction: no further call when the byte is in the window.
        place, window = self.start + index, self._window
        if index < 0 or place >= self.stop:
            raise IndexError(index)
        at = place - window.start
        if not 0 <= at < len(window.bytes):
            window.move(place)
            at = 0
        return window.bytes[at]

    def part(self, start: int, stop: int) -> FileBytes:
        """The bytes from ``start`` up to ``stop`` (exclusive); none is read yet."""
        part = FileBytes.__new__(FileBytes)
        part._window = self._window
        part.start = min(self.start + max(0, start), self.stop)
        part.stop = max(part.start, min(self.start + stop, self.stop))
        return part

    def __bytes__(self) -> bytes:
        window = self._window
        if not window.holds(self.start, self.stop):
            if len(self) > _WINDOW:
                content = bytearray(len(self))
                read_into(window.file, self.start, memoryview(content))
                return bytes(content)
            window.move(self.start)
        found = window.bytes[self.start - window.start : self.stop - window.start]
        if len(found) != len(self):
            raise ValueError("the file ends before it should: it was truncated, perhaps while it was open")
        return found
