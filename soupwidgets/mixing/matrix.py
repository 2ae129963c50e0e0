"""A pool as one matrix in memory; a mixture is a coefficient vector times that matrix."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from soupwidgets.mixing.fused import can_fuse_sums, fused_sums
from soupwidgets.mixing.kernel import weighted_sum
from soupwidgets.mixing.layout import Layout
from soupwidgets.mixing.low_rank import LowRank, bases, mix_part
from soupwidgets.mixing.soundness import all_finite, not_finite
from soupwidgets.pool import Pool, SoupWarning
from soupwidgets.recipe import Recipe

# Of a pool in half precision so much is widened at once: the copies stay in the cache.
_COLUMNS = 1 << 16


class PoolMatrix:
    """The checkpoints of a pool as the rows of one aligned matrix ``[checkpoints, parameters]``.

    Rows have the precision in which all checkpoints are stored, float16 or bfloat16, or else float32. Mixtures are
    computed in float32 in any case.

    A row is read from its file when a recipe first needs it, so a sweep between
    two of 72 checkpoints reads two files. LoRA adapters of a checkpoint in the pool have no row: their factors are
    kept, and added to the mixture.

    Parameters
    ----------
    pool
        The checkpoints.
    device
        Where the matrix lives.

    Raises
    ------
    MemoryError
        When the device has too little memory for the matrix; the message says how much is needed.
    """

    def __init__(self, pool: Pool, device: torch.device) -> None:
        self.pool = pool
        self.device = device
        self.layout = Layout(pool.tensors)
        self._adapters = bases(pool)
        self._row = {name: i for i, name in enumerate(name for name in pool.names if name not in self._adapters)}
        self._low_rank: dict[str, LowRank] = {}
        self._loaded: set[str] = set()
        self._whole: dict[str, dict[str, Tensor]] = {}
        self.dtype = _stored_dtype(pool)
        self._fused = can_fuse_sums(device.type)
        try:
            self._data = torch.empty(len(self._row), self.layout.size, device=device, dtype=self.dtype)
        except RuntimeError as error:
            need = len(self._row) * self.layout.size * self.dtype.itemsize / 1e9
            raise MemoryError(f"a pool of {len(pool)} checkpoints needs {need:.1f} GB on {device}: {error}") from error

    def __repr__(self) -> str:
        return f"PoolMatrix({len(self.pool)} x {self.layout.size:,}, {len(self._loaded)} read, {self.device})"

    def row(self, name: str) -> Tensor:
        """The flat float32 weights ``[parameters]`` of one checkpoint, read from its file on first use.

        Those of an adapter, and of checkpoints stored in another precision, are computed each time.
        """
        if name in self._adapters:
            merged = self.new_buffer()
            self._mix_with_adapters(Recipe({name: 1.0}), merged)
            return merged
        return self._stored_row(name).float()

    def _stored_row(self, name: str) -> Tensor:
        data = self._data[self._row[name]]
        if name not in self._loaded:
            whole = {}
            broken: list[str] = []
            for tensor_name, start, piece in self.pool.checkpoints[name].pieces():
                if tensor_name in self.layout.places:
                    view = self.layout.places[tensor_name].view(data).view(-1)[start : start + len(piece)]
                    if not all_finite(view.copy_(piece)) and tensor_name not in broken:
                        broken.append(tensor_name)
                else:
                    info = self.pool.tensors[tensor_name]
                    if start == 0:
                        whole[tensor_name] = torch.empty(info.shape, dtype=info.dtype, device=self.device)
                    whole[tensor_name].view(-1)[start : start + len(piece)].copy_(piece)
            if broken:
                warnings.warn(not_finite(name, broken), SoupWarning, stacklevel=2)
            self._whole[name] = whole
            self._loaded.add(name)
        return data

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
        if any(name in self._adapters for name in recipe):
            self._mix_with_adapters(recipe, out)
            return
        rows = {name: self._stored_row(name) for name in recipe}
        for start, stop, coefficients in self._stretches(recipe):
            if self._fused and len(coefficients) > 1 and not (self.dtype == torch.float32 and len(coefficients) == 2):
                places = [self._row[name] for name in coefficients]
                fused_sums(self._data[:, start:stop], places, [list(coefficients.values())], out[None, start:stop])
                continue
            chosen = [rows[name][start:stop] for name in coefficients]
            weighted_sum(chosen, list(coefficients.values()), out[start:stop])

    def mix_many(self, recipes: Sequence[Recipe], out: Tensor) -> None:
        """Write the weights of several recipes to the rows of ``out``, as one matrix-matrix product."""
        for recipe in recipes:
            self._require(recipe)
        if any(recipe.by_tensor or any(name in self._adapters for name in recipe) for recipe in recipes):
            for recipe, row in zip(recipes, out, strict=True):
                self.mix(recipe, row)
            return
        names = [name for name in self._row if any(name in recipe for recipe in recipes)]
        rows = [self._stored_row(name) for name in names]
        shares = [[recipe.get(name, 0.0) for name in names] for recipe in recipes]
        if self._fused:
            fused_sums(self._data, [self._row[name] for name in names], shares, out)
            return
        first, last = self._row[names[0]], self._row[names[-1]]
        # Adjacent rows need no copy; but a row in between that no recipe names may be uninitialised.
        used = self._data[first : last + 1] if last - first + 1 == len(names) else torch.stack(rows)
        coefficients = torch.tensor(shares, device=self.device)
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
        self._stored_row(leader)
        return self._whole[leader]

    @property
    def held_bytes(self) -> int:
        """What the matrix takes: a row for each checkpoint, and the factors of the adapters that were read."""
        return self._data.nbytes + sum(low_rank.held_bytes for low_rank in self._low_rank.values())

    def _mix_with_adapters(self, recipe: Recipe, out: Tensor) -> None:
        """Tensor by tensor: the checkpoints' weighted sum, and the adapters' products added to it."""
        for name in recipe:
            if name in self._adapters and name not in self._low_rank:
                self._low_rank[name] = LowRank(self.pool, name, self._adapters[name], self.device)
        used = {name: self._low_rank[name] for name in recipe if name in self._adapters}
        whole = [name for name in recipe if name not in used] + [adapter.base for adapter in used.values()]
        rows = {name: self._stored_row(name) for name in whole}
        for tensor, place in self.layout.places.items():
            pieces = {name: place.view(row).view(-1) for name, row in rows.items()}
            mix_part(place.view(out).view(-1), recipe.at(tensor), pieces, used, tensor=tensor)

    def _stretches(self, recipe: Recipe) -> Iterator[tuple[int, int, dict[str, float]]]:
        """Parts of the flat buffer with the same coefficients: start, end, and the coefficients."""
        if not recipe.by_tensor:
            yield 0, self.layout.size, dict(recipe)
            return
        start, held = 0, None
        for name, place in self.layout.places.items():
            own = recipe.at(name)
            if held is not None and own != held:
                yield start, place.offset, held
                start = place.offset
            held = own
        if held is not None:
            yield start, self.layout.size, held

    def _require(self, recipe: Recipe) -> None:
        self.pool.require(recipe)
        if not recipe:
            raise ValueError("the recipe is empty: it has no coefficient other than zero")


def _stored_dtype(pool: Pool) -> torch.dtype:
    """The one half precision that every floating-point tensor of every checkpoint has, or else float32."""
    low_rank = bases(pool)
    found = {
        info.dtype
        for name, file in pool.checkpoints.items()
        if name not in low_rank
        for tensor, info in file.tensors.items()
        if tensor in pool.tensors and info.dtype.is_floating_point
    }
    return found.pop() if found in ({torch.float16}, {torch.bfloat16}) else torch.float32
