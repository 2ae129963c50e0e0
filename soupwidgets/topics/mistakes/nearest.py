"""Nearest neighbours by cosine, exact, with bounded memory."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

# Images and references are read in blocks; similarities come in tiles of 1 MiB, which fit into a processor's cache.
_ROWS, _COLUMNS, _TILE = 4096, 2048, 128


def nearest_references(
    images: ArrayLike, references: ArrayLike, count: int = 1
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The references with the largest cosine similarity to each image.

    Parameters
    ----------
    images, references
        Embeddings ``[n, features]`` and ``[m, features]``, of any length; memory-mapped ones are read block by block.
    count
        How many for each image, 1..m.

    Returns
    -------
    tuple[NDArray[np.int64], NDArray[np.float32]]
        Rows of the references and their similarities (-1..1), both ``[n, count]``, the nearest first; of equally near
        ones the first.

    Raises
    ------
    ValueError
        When shapes do not fit, there is nothing to find, or an embedding is zero or not finite.

    Notes
    -----
    All pairs are compared, in tiles of 128 images and 2,048 references: no index, and nothing is missed.

    Examples
    --------
    >>> rows, similarity = nearest_references([[2.0, 0.0]], [[0.0, 1.0], [3.0, 0.0]])
    >>> rows.tolist(), similarity.tolist()
    ([[1]], [[1.0]])
    """
    left, right = np.asanyarray(images), np.asanyarray(references)
    if left.ndim != 2 or right.ndim != 2 or left.shape[1] != right.shape[1] or not len(left):
        raise ValueError(f"embeddings of shapes {left.shape} and {right.shape} cannot be compared")
    if not 1 <= count <= len(right):
        raise ValueError(f"{count} neighbours of {len(right):,} references: from 1 to that many can be asked for")
    rows = np.zeros((len(left), count), dtype=np.int64)
    similarity = np.zeros((len(left), count), dtype=np.float32)
    for start in range(0, len(left), _ROWS):
        block = _unit(left[start : start + _ROWS])
        which = np.zeros((len(block), count), dtype=np.int64)
        best = np.full((len(block), count), -np.inf, dtype=np.float32)
        for first in range(0, len(right), _COLUMNS):
            others = np.ascontiguousarray(_unit(right[first : first + _COLUMNS]).T)
            for top in range(0, len(block), _TILE):
                tile = slice(top, top + _TILE)
                which[tile], best[tile] = _nearest(block[tile] @ others, which[tile], best[tile], first)
        rows[start : start + len(block)], similarity[start : start + len(block)] = which, np.clip(best, -1, 1)
    return rows, similarity


def _nearest(
    found: NDArray[np.float32], which: NDArray[np.int64], best: NDArray[np.float32], first: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The nearest so far and of more references, which begin at row ``first``."""
    count = which.shape[1]
    # Of equal ones the first, those that rounding takes past 1 among them: candidates stay in the order of their rows,
    # and sorting is stable.
    some = _largest(found, min(count, found.shape[1]))
    values = np.take_along_axis(found, some, axis=1)
    if values.max() > 1:
        found = np.minimum(found, 1)
        some = _largest(found, min(count, found.shape[1]))
        values = np.take_along_axis(found, some, axis=1)
    which, best = np.concatenate([which, some + first], axis=1), np.concatenate([best, values], axis=1)
    order = np.argsort(-best, axis=1, kind="stable")[:, :count]
    return np.take_along_axis(which, order, axis=1), np.take_along_axis(best, order, axis=1)


def _largest(found: NDArray[np.float32], count: int) -> NDArray[np.int64]:
    """Columns of the ``count`` largest of each row, the largest first; of equal ones the first."""
    if count == 1:
        first: NDArray[np.int64] = found.argmax(axis=1)[:, None]
        return first
    order: NDArray[np.int64] = np.argsort(-found, axis=1, kind="stable")[:, :count]
    return order


def _unit(rows: NDArray[np.generic]) -> NDArray[np.float32]:
    block = np.asarray(rows, dtype=np.float32)
    length = np.linalg.norm(block, axis=1, keepdims=True)
    if not np.isfinite(length).all() or (length == 0).any():
        raise ValueError("an embedding is zero or not finite: it has no direction")
    unit: NDArray[np.float32] = block / length
    return unit
