"""Positions of models in weight space: distances and angles, from inner products alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from soupwidgets.mixing import grams
from soupwidgets.pool import Pool, PoolError
from soupwidgets.recipe import Recipe

# Statistics of batch normalisation are not parameters: their size would drown the changes made by training.
_STATISTICS = ("running_mean", "running_var")


@dataclass(frozen=True, eq=False)
class WeightGeometry:
    """Inner products of checkpoints relative to one of them: all that distances and angles need.

    Parameters
    ----------
    names
        The checkpoints.
    origin
        The checkpoint that is subtracted from the others.
    tensors
        The floating-point tensors, without statistics of batch normalisation.
    inner
        ``[tensors, names, names]`` float64: inner products of the vectors from the origin.
    """

    names: tuple[str, ...]
    origin: str
    tensors: tuple[str, ...]
    inner: NDArray[np.float64] = field(repr=False)

    def coefficients(self, recipe: Recipe) -> NDArray[np.float64]:
        """The recipe as a vector for each tensor, ``[tensors, names]``.

        Raises
        ------
        PoolError
            When it names an unknown checkpoint, or its coefficients do not sum to 1: then it is
            not in the affine span of the models, and its distance to them depends on where zero is.
        """
        unknown = [name for name in recipe if name not in self.names]
        if unknown:
            raise PoolError(f"no inner products with {unknown[0]!r}; known are {', '.join(self.names)}")
        plain = _row(recipe.at(""), self.names)
        rows = np.tile(plain, (len(self.tensors), 1))
        for tensor, own in recipe.by_tensor.items():
            if tensor in self.tensors:
                rows[self.tensors.index(tensor)] = _row(own, self.names)
        if not np.allclose(rows.sum(axis=1), 1, atol=1e-9):
            raise PoolError(f"the coefficients of {recipe!r} do not sum to 1")
        return rows

    def product(self, a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
        """Inner product of two vectors from the origin, each given as ``[tensors, names]`` or ``[names]``."""
        return float(np.einsum("ti,tij,tj->", _per_tensor(a, self), self.inner, _per_tensor(b, self)))

    def distance(self, first: Recipe, second: Recipe) -> float:
        """Euclidean distance between two points."""
        apart = self.coefficients(first) - self.coefficients(second)
        return float(np.sqrt(max(0.0, self.product(apart, apart))))

    def distances(self) -> NDArray[np.float64]:
        """Euclidean distances between all checkpoints, ``[names, names]``."""
        total = self.inner.sum(axis=0)
        square = np.diag(total)
        return np.asarray(np.sqrt(np.maximum(0.0, square[:, None] + square[None] - 2 * total)))

    def angles(self) -> NDArray[np.float64]:
        """Angles in degrees between the vectors from the origin, ``[names, names]``; NaN for the origin itself."""
        total = self.inner.sum(axis=0)
        length = np.sqrt(np.diag(total))
        with np.errstate(invalid="ignore", divide="ignore"):
            cosine = total / np.outer(length, length)
        return np.asarray(np.degrees(np.arccos(np.clip(cosine, -1, 1))))


def weight_geometry(pool: Pool, names: Sequence[str] | None = None, *, origin: str | None = None) -> WeightGeometry:
    """Compute the inner products of checkpoints, in one pass over their files, in float64.

    Parameters
    ----------
    names
        Which checkpoints; all of the pool when None.
    origin
        The checkpoint to subtract; by default the zero-shot model if the pool has one, else the first.

    Raises
    ------
    PoolError, CheckpointError
        When a name is not in the pool, or a file becomes unreadable.

    Examples
    --------
    >>> geometry = weight_geometry(Pool.open("data/zoo/fashion"), ["zero-shot", "ft-00", "ft-03"])
    >>> round(float(geometry.angles()[1, 2]))
    46
    """
    chosen = tuple(dict.fromkeys(pool.names if names is None else names))
    seen_from = origin or next((name for name in chosen if pool.checkpoints[name].card.role == "zero_shot"), chosen[0])
    parts = {t: g for t, g in grams(pool, chosen, seen_from) if not t.endswith(_STATISTICS)}
    return WeightGeometry(chosen, seen_from, tuple(parts), np.stack(list(parts.values())))


def _row(coefficients: dict[str, float], names: Sequence[str]) -> NDArray[np.float64]:
    return np.array([coefficients.get(name, 0.0) for name in names])


def _per_tensor(vector: NDArray[np.float64], geometry: WeightGeometry) -> NDArray[np.float64]:
    return np.broadcast_to(vector, (len(geometry.tensors), len(geometry.names)))
