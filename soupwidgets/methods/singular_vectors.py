"""Merges of matrices by their singular vectors: TSV-M, Iso-C, and MonoSoup for a single model.

Only tensors with two axes are matrices (and for MonoSoup those with more, as rows of outputs). All else is averaged, as
the papers do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from soupwidgets.methods.merged_file import moved_ingredients, write_merged
from soupwidgets.methods.method import soup_method
from soupwidgets.mixing.soundness import all_finite, not_finite
from soupwidgets.pool import Pool


@soup_method("tsv-m", "TSV-M", paper="Gargiulo et al., arXiv 2412.00081")
def tsv_merge(
    pool: Pool,
    path: str | Path,
    ingredients: Sequence[str] | None = None,
    *,
    scale: float = 1.0,
    progress: bool = True,
    overwrite: bool = False,
) -> Path:
    """Keep each task matrix's first singular vectors, 1 / N of them, make those of all orthogonal, and add up.

    Parameters
    ----------
    pool, path, ingredients, progress, overwrite
        As in `ties`.
    scale
        The paper's alpha: theta_0 + scale * merged task vector.

    Returns
    -------
    Path
        The same path.

    Raises
    ------
    PoolError, ValueError
        As in `ties`; also when a task vector is not finite.

    Notes
    -----
    Gargiulo et al., arXiv 2412.00081, section 4 (algorithm 1): the singular vectors that are kept stand side by side,
    and the nearest matrix with orthonormal columns (orthogonal Procrustes) takes their place. Where there are more
    ingredients than singular vectors, one of each is kept.
    """
    return _by_matrix(
        pool, path, ingredients, orthogonal_sum, "tsv-m", {}, scale=scale, progress=progress, overwrite=overwrite
    )


@soup_method("iso-c", "Iso-C", paper="Marczak et al., arXiv 2502.04959")
def iso_c(
    pool: Pool,
    path: str | Path,
    ingredients: Sequence[str] | None = None,
    *,
    scale: float | None = None,
    progress: bool = True,
    overwrite: bool = False,
) -> Path:
    """Add the task matrices up, and give all singular values of the sum their mean.

    Parameters
    ----------
    pool, path, ingredients, progress, overwrite
        As in `ties`.
    scale
        The paper's alpha, to be chosen on validation images: theta_0 + scale * flattened sum. 1 / N when None: the sum
        of task vectors of one and the same task lies N times too far.

    Returns
    -------
    Path
        The same path.

    Raises
    ------
    PoolError, ValueError
        As in `ties`; also when a task vector is not finite.

    Notes
    -----
    Marczak et al., arXiv 2502.04959, section 4.1 (isotropic merging in common subspace). What is no matrix is the mean
    of the task vectors here, whatever the scale; the paper scales it too.
    """
    count = len(moved_ingredients(pool, ingredients))
    factor = 1 / count if scale is None else scale
    return _by_matrix(
        pool, path, ingredients, lambda moves: factor * isotropic(moves.sum(dim=0)), "iso-c", {"of_sum": factor},
        scale=1.0, progress=progress, overwrite=overwrite,
    )  # fmt: skip


@soup_method("monosoup", "MonoSoup", paper="Abdollahpoorrostam et al., arXiv 2602.09689")
def monosoup(
    pool: Pool,
    path: str | Path,
    ingredients: Sequence[str] | None = None,
    *,
    progress: bool = True,
    overwrite: bool = False,
) -> Path:
    """Weaken what one fine-tuned model added, its strong directions and its weak ones each by their own factor.

    Parameters
    ----------
    pool, path, progress, overwrite
        As in `ties`.
    ingredients
        One name. Several are averaged first; the pool's fine-tuned models when None.

    Returns
    -------
    Path
        The same path.

    Raises
    ------
    PoolError, ValueError
        As in `ties`; also when a task vector is not finite.

    Notes
    -----
    Abdollahpoorrostam et al., arXiv 2602.09689, with the effective rank that needs no threshold: `reweighted`. Tensors
    with one axis are the fine-tuned model's, as in the released code.
    """
    return _by_matrix(
        pool, path, ingredients, lambda moves: reweighted(moves.mean(dim=0)), "monosoup", {}, scale=1.0, axes=None,
        progress=progress, overwrite=overwrite,
    )  # fmt: skip


def orthogonal_sum(moves: Tensor) -> Tensor:
    """The sum of matrices, each by its first singular vectors, these made orthogonal to those of the others.

    Parameters
    ----------
    moves
        ``[names, rows, columns]``.

    Returns
    -------
    Tensor
        ``[rows, columns]``: P diag(s) Q, where P has the left and Q the right singular vectors of all, each replaced by
        its polar factor.
    """
    kept = max(1, min(moves.shape[1:]) // len(moves))
    left, values, right = torch.linalg.svd(moves, full_matrices=False)
    p = torch.cat([*left[:, :, :kept]], dim=1)
    q = torch.cat([*right[:, :kept]], dim=0)
    merged: Tensor = (_polar(p) * values[:, :kept].reshape(-1)) @ _polar(q)
    return merged


def isotropic(move: Tensor) -> Tensor:
    """The matrix with the same singular vectors, ``[rows, columns]``, whose singular values are all their mean.

    Examples
    --------
    >>> isotropic(torch.tensor([[3.0, 0.0], [0.0, -1.0]])).tolist()
    [[2.0, 0.0], [0.0, -2.0]]
    """
    left, values, right = torch.linalg.svd(move, full_matrices=False)
    flat: Tensor = values.mean() * (left @ right)
    return flat


def reweighted(move: Tensor) -> Tensor:
    """A matrix whose strong and weak directions have weights that its singular values s_1 >= s_2 >= ... tell.

    Parameters
    ----------
    move
        ``[rows, columns]``.

    Returns
    -------
    Tensor
        (1 - w) * strong + w * weak. Strong are the first k directions, k the effective rank rounded up: exp of the
        entropy of s / sum s. With P the share of sum s^2 that they have and rho = (s_(k+1) / s_1)^2,
        w = rho + (1 - rho) sqrt(1 - P).
    """
    left, values, right = torch.linalg.svd(move, full_matrices=False)
    if not values[0] > 0:
        return move
    k = effective_rank(values)
    energy = values.square()
    rest = (energy[k:].sum() / energy.sum()).sqrt()
    rho = (values[k] / values[0]).square() if k < len(values) else torch.zeros(())
    weak = rho + (1 - rho) * rest
    weights = torch.where(torch.arange(len(values)) < k, 1 - weak, weak)
    changed: Tensor = (left * (weights * values)) @ right
    return changed


def effective_rank(values: Tensor) -> int:
    """How many singular values count, rounded up: exp of the entropy of their shares (Roy and Vetterli, 2007).

    Examples
    --------
    >>> effective_rank(torch.tensor([2.0, 2.0, 2.0])), effective_rank(torch.tensor([5.0, 0.0, 0.0]))
    (3, 1)
    """
    shares = values.double() / values.double().sum()
    rank = float(torch.special.entr(shares).sum().exp())
    # Of equal values rounding must not make one more than there are.
    return min(len(values), max(1, -int(-(rank - 1e-9) // 1)))


def _polar(matrix: Tensor) -> Tensor:
    """The nearest matrix with orthonormal columns, or rows where it has fewer of these."""
    left, _, right = torch.linalg.svd(matrix, full_matrices=False)
    nearest: Tensor = left @ right
    return nearest


def _by_matrix(
    pool: Pool,
    path: str | Path,
    ingredients: Sequence[str] | None,
    merge: Callable[[Tensor], Tensor],
    method: str,
    settings: Mapping[str, Any],
    *,
    scale: float,
    axes: int | None = 2,
    progress: bool,
    overwrite: bool,
) -> Path:
    names = moved_ingredients(pool, ingredients)

    def merged(tensor: str, moves: Tensor) -> Tensor:
        for name, move in zip(names, moves, strict=True):
            if not all_finite(move):
                raise ValueError(not_finite(name, [tensor]))
        shape = moves.shape[1:]
        if len(shape) < 2 or (axes is not None and len(shape) != axes) or not moves.numel():
            return moves.mean(dim=0)
        return merge(moves.reshape(len(moves), shape[0], -1)).view(shape)

    return write_merged(
        pool, path, names, merged, method, settings, scale=scale, progress=progress, overwrite=overwrite
    )
