"""A pool as one matrix in memory; a mixture is a coefficient vector times that matrix."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from functools import partial

import torch
from torch import Tensor

from soupwidgets.devices import full_float32
from soupwidgets.mixing.fused import can_fuse_sums, fused_sums
from soupwidgets.mixing.kernel import weighted_sum
from soupwidgets.mixing.layout import Layout, stretches
from soupwidgets.mixing.low_rank import LowRank, bases, mix_part
from soupwidgets.mixing.memory import room_for_weights
from soupwidgets.mixing.reading import read_row, stored_dtype
from soupwidgets.mixing.resident import ResidentRows
from soupwidgets.mixing.sending import CopyStream, Sender
from soupwidgets.mixing.streamed import mix_pieces
from soupwidgets.pool import Pool, SoupWarning
from soupwidgets.recipe import Recipe

# Of a pool in half precision so much is widened at once: the copies stay in the cache.
_COLUMNS = 1 << 16

# Writes numbers to a flat tensor.
Write = Callable[[Tensor], object]


class PoolMatrix:
    """The checkpoints of a pool as the rows of one aligned matrix ``[checkpoints, parameters]``.

    Rows have the precision in which all checkpoints are stored, float16 or bfloat16, or else float32. Mixtures are
    computed in float32 in any case.

    A row is read from its file when a recipe first needs it, so a sweep between
    two of 72 checkpoints reads two files. LoRA adapters of a checkpoint in the pool have no row: their factors are
    kept, and added to the mixture.

    A pool may be larger than memory: then rows that were used longest ago make room, and a recipe of more checkpoints
    than there is room for is mixed piece by piece from the files (on a GPU: in the computer's memory).

    Parameters
    ----------
    pool
        The checkpoints.
    device
        Where the matrix lives.
    room
        Bytes that rows may take; `room_for_weights` when None.

    Raises
    ------
    MemoryError
        When the device has too little memory for one row; the message says how much is needed.
    """

    def __init__(self, pool: Pool, device: torch.device, *, room: float | None = None) -> None:
        self.pool = pool
        self.device = device
        self.layout = Layout(pool.tensors)
        self._adapters = bases(pool)
        names = [name for name in pool.names if name not in self._adapters]
        self._low_rank: dict[str, LowRank] = {}
        self._whole: dict[str, dict[str, Tensor]] = {}
        # For recipes that a card has no room for.
        self._host: PoolMatrix | None = None
        self._sender = Sender(CopyStream(device)) if device.type == "cuda" else None
        self.dtype = stored_dtype(pool)
        self._fused = can_fuse_sums(device.type)
        each = self.layout.size * self.dtype.itemsize
        room = room_for_weights(device) if room is None else room
        fit = len(names) if len(names) * each <= room else max(1, int(room // each))
        try:
            self._rows = ResidentRows(names, self.layout.size, most=fit, dtype=self.dtype, device=device)
        except RuntimeError as error:
            raise MemoryError(f"a checkpoint of this pool takes {each / 1e9:.1f} GB on {device}: {error}") from error
        if not self._rows.complete:
            warnings.warn(
                f"the pool's {len(names)} checkpoints take {len(names) * each / 1e9:.1f} GB, and there is room for "
                f"{fit}: others are read again when they are needed, and mixtures of more are slow",
                SoupWarning,
                stacklevel=2,
            )

    def __repr__(self) -> str:
        return f"PoolMatrix({len(self.pool)} x {self.layout.size:,}, {len(self._rows)} read, {self.device})"

    def row(self, name: str) -> Tensor:
        """The flat float32 weights ``[parameters]`` of one checkpoint, read from its file on first use.

        Those of an adapter, and of checkpoints stored in another precision, are computed each time.
        """
        if name in self._adapters:
            merged = self.new_buffer()
            self._mix_with_adapters(Recipe({name: 1.0}), merged)
            return merged
        stored = self._taken([name])[name].float()
        # The next rows may take its place.
        return stored if self._rows.complete else stored.clone()

    def _taken(self, names: Sequence[str]) -> dict[str, Tensor]:
        """Rows in the precision in which they are stored; at most as many as there is room for."""
        found = {}
        for name in names:
            place, fresh = self._rows.take(name, keep=names)
            if fresh:
                try:
                    self._read(name, self._rows.data[place])
                except BaseException:
                    self._rows.forget(name)
                    raise
            found[name] = self._rows.data[place]
        return found

    def _read(self, name: str, row: Tensor) -> None:
        self._whole[name] = read_row(self.pool, name, row, self.layout, self._sender)

    def new_buffer(self, *leading: int) -> Tensor:
        """An uninitialised buffer ``[*leading, parameters]`` for mixed weights."""
        return torch.empty(*leading, self.layout.size, device=self.device)

    def mix(self, recipe: Recipe, out: Tensor) -> None:
        """Write the recipe's weights to ``out`` (``[parameters]``), without allocating.

        Raises
        ------
        PoolError
            When the recipe names a checkpoint that the pool lacks.
        ValueError
            When the recipe is empty.
        """
        self._require(recipe)
        if self._has_room_for(recipe) and any(name in self._adapters for name in recipe):
            self._mix_with_adapters(recipe, out)
        elif self._sender is not None and not self._has_room_for(recipe):
            self._mix_in_memory(recipe, out, self._sender)
        else:
            for start, stop, write in self.parts(recipe):
                write(out[start:stop])

    def parts(self, recipe: Recipe, longest: int | None = None) -> Iterator[tuple[int, int, Write]]:
        """A mixture in parts, each to be written before the next one is asked for.

        Parameters
        ----------
        recipe
            As in `mix`.
        longest
            Parameters of a part; as many as are mixed in the same way when None.

        Yields
        ------
        int, int, Callable
            Where the part begins and ends in a buffer, and what writes it to a flat float32 tensor of that length.
        """
        size = longest or self.layout.size
        if not self._has_room_for(recipe):
            for tensor, start, part in mix_pieces(self.pool, recipe):
                if tensor in self.layout.places:
                    yield from _copies(part, self.layout.places[tensor].offset + start, size)
            return
        if any(name in self._adapters for name in recipe):
            whole = self.new_buffer()
            self._mix_with_adapters(recipe, whole)
            yield from _copies(whole, 0, size)
            return
        rows = self._taken(list(recipe))
        for first, last, coefficients in stretches(self.layout, recipe):
            shares = list(coefficients.values())
            for start in range(first, last, size):
                stop = min(start + size, last)
                if self._fused and len(shares) > 1 and not (self.dtype == torch.float32 and len(shares) == 2):
                    places = [self._rows.take(name, keep=rows)[0] for name in coefficients]
                    yield start, stop, partial(_fused_sum, self._rows.data[:, start:stop], places, shares)
                    continue
                yield start, stop, partial(weighted_sum, [rows[name][start:stop] for name in coefficients], shares)

    def mix_many(self, recipes: Sequence[Recipe], out: Tensor) -> None:
        """Write the weights of several recipes to the rows of ``out``, as one matrix-matrix product."""
        for recipe in recipes:
            self._require(recipe)
        names = [name for name in self.pool.names if any(name in recipe for recipe in recipes)]
        plain = not any(recipe.by_tensor for recipe in recipes) and not any(name in self._adapters for name in names)
        if not plain or len(names) > len(self._rows.data):
            for recipe, row in zip(recipes, out, strict=True):
                self.mix(recipe, row)
            return
        rows = self._taken(names)
        places = [self._rows.take(name, keep=names)[0] for name in names]
        shares = [[recipe.get(name, 0.0) for name in names] for recipe in recipes]
        if self._fused:
            fused_sums(self._rows.data, places, shares, out)
            return
        # Adjacent rows need no copy.
        adjacent = places == list(range(places[0], places[0] + len(places)))
        used = self._rows.data[places[0] : places[-1] + 1] if adjacent else torch.stack(list(rows.values()))
        coefficients = torch.tensor(shares, device=self.device)
        with full_float32(self.device):
            if self.dtype == torch.float32:
                torch.mm(coefficients, used, out=out)
                return
            for start in range(0, self.layout.size, _COLUMNS):
                part = slice(start, start + _COLUMNS)
                out[:, part] = coefficients @ used[:, part].float()

    def whole_tensors(self, recipe: Recipe) -> dict[str, Tensor]:
        """The non-floating-point tensors, from the ingredient with the largest coefficient."""
        self._require(recipe)
        # An adapter changes none of these.
        leader = self._adapters.get(recipe.leader, recipe.leader)
        if leader not in self._whole:
            self._taken([leader])
        return self._whole[leader]

    @property
    def held_bytes(self) -> int:
        """What the matrix takes: rows, and the factors of the adapters that were read."""
        return self._rows.data.nbytes + sum(low_rank.held_bytes for low_rank in self._low_rank.values())

    def _mix_with_adapters(self, recipe: Recipe, out: Tensor) -> None:
        """Tensor by tensor: the checkpoints' weighted sum, and the adapters' products added to it."""
        for name in recipe:
            if name in self._adapters and name not in self._low_rank:
                self._low_rank[name] = LowRank(self.pool, name, self._adapters[name], self.device)
        used = {name: self._low_rank[name] for name in recipe if name in self._adapters}
        rows = self._taken(self._needed(recipe))
        for tensor, place in self.layout.places.items():
            pieces = {name: place.view(row).view(-1) for name, row in rows.items()}
            mix_part(place.view(out).view(-1), recipe.at(tensor), pieces, used, tensor=tensor)

    def _needed(self, recipe: Recipe) -> list[str]:
        """The checkpoints whose rows a recipe is mixed from."""
        return list(dict.fromkeys(self._adapters.get(name, name) for name in recipe))

    def _has_room_for(self, recipe: Recipe) -> bool:
        return len(self._needed(recipe)) <= len(self._rows.data)

    def _mix_in_memory(self, recipe: Recipe, out: Tensor, sender: Sender) -> None:
        """Mix more checkpoints than a card has room for, and send it what is done while the rest is mixed."""
        if self._host is None:
            # Its rows may be read in and outside of inference mode.
            with torch.inference_mode(False):
                self._host = PoolMatrix(self.pool, torch.device("cpu"))
        with sender:
            for start, stop, write in self._host.parts(recipe, sender.piece // out.itemsize):
                sender.send(out[start:stop], write)

    def _require(self, recipe: Recipe) -> None:
        self.pool.require(recipe)
        if not recipe:
            raise ValueError("the recipe is empty: it has no coefficient other than zero")


def _copies(source: Tensor, offset: int, longest: int) -> Iterator[tuple[int, int, Write]]:
    """What is mixed already, as parts."""
    for start in range(0, len(source), longest):
        part = source[start : start + longest]
        yield offset + start, offset + start + len(part), partial(_copy, part)


def _copy(source: Tensor, target: Tensor) -> None:
    target.copy_(source)


def _fused_sum(data: Tensor, rows: Sequence[int], coefficients: Sequence[float], out: Tensor) -> None:
    fused_sums(data, rows, [coefficients], out[None])
