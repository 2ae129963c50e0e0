"""A file as if it were a string of bytes, read piece by piece when asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import FileIO

import torch
from torch import Tensor

_WINDOW = 1 << 16

# Gives so many bytes of memory to read into.
Memory = Callable[[int], Tensor]


def fresh(count: int) -> Tensor:
    """Memory of its own."""
    return torch.empty(count, dtype=torch.uint8)


class Scratch:
    """The same memory every time: new memory costs more than what is read into it."""

    def __init__(self) -> None:
        self._flat = fresh(0)

    def __call__(self, count: int) -> Tensor:
        """As many bytes, which last until the next call."""
        if len(self._flat) < count:
            self._flat = fresh(count)
        return self._flat[:count]


@dataclass(frozen=True)
class Pieces:
    """How tensors are read: flat, in pieces of at most ``longest`` numbers, each into ``memory``."""

    longest: int
    memory: Memory

    def spans(self, count: int) -> Iterator[tuple[int, int]]:
        """Where the pieces of so many numbers begin and end; nothing is one empty piece."""
        for start in range(0, max(1, count), self.longest):
            yield start, min(start + self.longest, count)

    def read(self, file: FileIO, offset: int, dtype: torch.dtype, count: int) -> Iterator[Tensor]:
        """The numbers that stand at an offset of a file."""
        for start, stop in self.spans(count):
            flat = self.memory((stop - start) * dtype.itemsize)
            read_into(file, offset + start * dtype.itemsize, flat.numpy().data)
            yield flat.view(dtype)


def read_into(file: FileIO, offset: int, buffer: memoryview) -> None:
    """Fill a buffer with what stands at an offset.

    Raises
    ------
    ValueError
        When the file ends before.
    """
    file.seek(offset)
    while len(buffer):
        # One call reads two gigabytes at most.
        read = file.readinto(buffer)
        if not read:
            raise ValueError("the file ends before it should: it was cut short, perhaps while it was open")
        buffer = buffer[read:]


class _Window:
    """The piece of a file that was read last."""

    def __init__(self, file: FileIO) -> None:
        self.file = file
        self.start, self.bytes = 0, b""

    def holds(self, start: int, stop: int) -> bool:
        return self.start <= start and stop <= self.start + len(self.bytes)

    def move(self, start: int) -> None:
        self.file.seek(start)
        self.start, self.bytes = start, self.file.read(_WINDOW) or b""


class FileBytes:
    """Part of a file, with what pickles are read by: its length, single bytes, slices that read nothing.

    Mapped memory would do the same, but when somebody cuts a mapped file short
    the system ends the process that looks at it; here it is an error like any other.

    Parameters
    ----------
    file
        Open, unbuffered.
    start, stop
        Which bytes of it.
    """

    def __init__(self, file: FileIO, start: int, stop: int) -> None:
        self._window = _Window(file)
        self.start, self.stop = start, stop

    def __len__(self) -> int:
        return self.stop - self.start

    def __getitem__(self, index: int) -> int:
        # Once for every instruction of a pickle: no call but this one where the window has it.
        place, window = self.start + index, self._window
        if index < 0 or place >= self.stop:
            raise IndexError(index)
        at = place - window.start
        if not 0 <= at < len(window.bytes):
            window.move(place)
            at = 0
        return window.bytes[at]

    def part(self, start: int, stop: int) -> FileBytes:
        """The bytes from ``start`` to before ``stop``; none is read now."""
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
            raise ValueError("the file ends before it should: it was cut short, perhaps while it was open")
        return found
