"""How fast a network computes in each of several ways here: measured once, and remembered."""

from __future__ import annotations

import contextlib
import hashlib
import platform
import time
from collections.abc import Callable, Mapping

import msgspec
import torch

from soupwidgets.checkpoints.writing import atomic_path
from soupwidgets.folders import cache_folder

# A pass long enough to be timed, and short enough to be done a dozen times before the first answer.
_SECONDS, _FEWEST, _REPEATS = 0.03, 8, 3


class Way(msgspec.Struct, frozen=True, omit_defaults=True):
    """One way of computing a network's outputs.

    Parameters
    ----------
    precision
        ``"float32"`` or ``"bfloat16"``.
    fused
        On a CPU: whether products are fused with what follows them.
    recorded
        On a card: whether a pass is repeated from a recording.
    channels_last
        On a card: whether the channels of a pixel lie side by side.
    """

    precision: str
    fused: bool
    recorded: bool = False
    channels_last: bool = False


class Speeds(msgspec.Struct, frozen=True):
    """Seconds for one example by the ways that were measured, the fastest of several passes of each."""

    measured: list[tuple[Way, float]]

    def fastest(self, precision: str) -> Way | None:
        """The fastest way in a precision; None if it cannot be computed in it."""
        ways = [(way, seconds) for way, seconds in self.measured if way.precision == precision]
        return min(ways, key=lambda one: one[1])[0] if ways else None

    def seconds(self, precision: str) -> float:
        """Seconds for one example by the fastest way in a precision; infinite if there is none."""
        return min((seconds for way, seconds in self.measured if way.precision == precision), default=float("inf"))


def speeds(identity: str, passes: Mapping[Way, Callable[[int], object]], most: int) -> Speeds:
    """Measure the ways of computing, unless they were measured before with this version of torch on this machine.

    Parameters
    ----------
    identity
        What is computed, and on which device.
    passes
        By way, a function that computes so many examples. One that raises an error is left out; the first must not.
    most
        The largest number of examples of a pass.
    """
    # The same user may have several machines with one home folder.
    here = (platform.node(), platform.machine(), torch.__version__, torch.get_num_threads())
    name = hashlib.sha256(repr((identity, here, [msgspec.to_builtins(way) for way in passes])).encode()).hexdigest()
    path = cache_folder() / "speeds" / f"{name[:40]}.json"
    # A cache that cannot be read or written only costs time.
    with contextlib.suppress(OSError, ValueError):
        return msgspec.json.decode(path.read_bytes(), type=Speeds)
    found = _measure(passes, most)
    with contextlib.suppress(OSError), atomic_path(path) as temporary:
        temporary.write_bytes(msgspec.json.encode(found))
    return found


def _measure(passes: Mapping[Way, Callable[[int], object]], most: int) -> Speeds:
    first = next(iter(passes.values()))
    few = min(_FEWEST, most)
    # The first pass of all builds and allocates; it says nothing.
    first(few)
    number = _enough(first, few, most)
    found: list[tuple[Way, float]] = []
    for way, run in passes.items():
        try:
            # Twice: what is recorded is recorded in the second pass.
            run(few)
            run(few)
            short = _seconds(run, few)
            if found and short > 4 * few * found[0][1] + _SECONDS:
                # A processor without this precision may be a hundred times slower in it: once is enough to know.
                found.append((way, short / few))
                continue
            run(number)
            found.append((way, min(_seconds(run, number) for _ in range(_REPEATS)) / number))
        except Exception:
            # Networks of any library may lack kernels for a precision, or mix it with another.
            if not found:
                raise
    return Speeds(found)


def _enough(run: Callable[[int], object], few: int, most: int) -> int:
    """How many examples make a pass long enough: on a card a few take as long as hundreds."""
    number, wanted = few, _scaled(few, _seconds(run, few), most)
    while wanted > number:
        try:
            run(wanted)
            seconds = _seconds(run, wanted)
        except torch.OutOfMemoryError:
            break
        number = wanted
        wanted = _scaled(number, seconds, most) if seconds < _SECONDS / 2 else number
    return number


def _scaled(number: int, seconds: float, most: int) -> int:
    return min(most, max(number, int(_SECONDS * number / seconds)))


def _seconds(run: Callable[[int], object], number: int) -> float:
    start = time.perf_counter()
    run(number)
    return time.perf_counter() - start
