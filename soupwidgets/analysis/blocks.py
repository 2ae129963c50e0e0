"""Interpolation of some layers only: which blocks carry what fine-tuning changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from tqdm.auto import tqdm

from soupwidgets.analysis.inspection import block_of
from soupwidgets.analysis.landscape_line import split_named
from soupwidgets.evaluation import Evaluator, score
from soupwidgets.pool import Pool
from soupwidgets.recipe import Recipe


@dataclass(frozen=True)
class BlockProfile:
    """Error and loss where only some blocks go from one model to another.

    Parameters
    ----------
    first, second
        The models: alpha 0 and 1.
    split
        Where they were measured.
    mode
        Whether each row moves its block ``alone``, or this block and all ``after`` it up to the head.
    blocks
        In the order of the network.
    alphas
        How far blocks go, rising.
    error, loss
        ``[blocks, alphas]``: share of wrong predictions (0..1), and mean cross-entropy (nats).
    """

    first: str
    second: str
    split: str
    mode: Literal["alone", "after"]
    blocks: tuple[str, ...]
    alphas: tuple[float, ...]
    error: NDArray[np.float64] = field(repr=False)
    loss: NDArray[np.float64] = field(repr=False)


def blocks_of(ev: Evaluator) -> dict[str, list[str]]:
    """The tensors of each block of layers, in the order of the network."""
    blocks: dict[str, list[str]] = {}
    for name in ev.architecture.build("meta").state_dict():
        blocks.setdefault(block_of(name), []).append(name)
    return blocks


def interpolate_blocks(
    pool: Pool, first: str, second: str, alphas: Mapping[str, float], otherwise: float = 0
) -> Recipe:
    """A mixture with an alpha of its own for some blocks or tensors.

    Parameters
    ----------
    pool
        The checkpoints.
    first, second
        Names: alpha 0 and 1.
    alphas
        Block (as `block_of` calls it) or tensor to its alpha.
    otherwise
        Alpha of the rest of the model.

    Raises
    ------
    PoolError
        When a checkpoint is not in the pool.
    ValueError
        When no tensor belongs to one of the blocks.

    Examples
    --------
    >>> pool = Pool.open("data/zoo/fashion")
    >>> recipe = interpolate_blocks(pool, "zero-shot", "ft-03", {"head.weight": 1})
    >>> recipe.at("head.weight"), recipe.at("visual.proj")
    ({'ft-03': 1.0}, {'zero-shot': 1.0})
    """
    pool.require([first, second])
    own = {
        t: alphas.get(t, alphas.get(block_of(t))) for t, info in pool.tensors.items() if info.dtype.is_floating_point
    }
    unknown = [block for block in alphas if not any(block in (t, block_of(t)) for t in own)]
    if unknown:
        raise ValueError(
            f"the models have no block or tensor {unknown[0]!r}; {', '.join(dict.fromkeys(map(block_of, own)))}"
        )

    def mixed(alpha: float) -> dict[str, float]:
        return {first: 1 - alpha, second: alpha}

    return Recipe(mixed(otherwise), {t: mixed(alpha) for t, alpha in own.items() if alpha is not None})


def block_profile(
    ev: Evaluator,
    first: str,
    second: str,
    mode: Literal["alone", "after"] = "alone",
    alphas: Sequence[float] = (0, 0.25, 0.5, 0.75, 1),
    split: str | None = None,
    progress: bool = True,
) -> BlockProfile:
    """Move one block at a time, or the last blocks, from one model to another, and measure.

    Parameters
    ----------
    ev
        The evaluator; what its store has is not computed again.
    first, second
        Names: alpha 0 and 1.
    mode
        ``"alone"`` moves each block for itself; ``"after"`` moves it with all blocks after it, so that
        its last row is the head alone and its first the whole model.
    alphas
        How far.
    split
        Where to measure; the validation split when None.
    progress
        Whether to show a progress bar.

    Returns
    -------
    BlockProfile
        Exact.

    Raises
    ------
    PoolError, KeyError
        When the pool lacks a checkpoint, or the suite the split.
    """
    where = split_named(ev.suite, split)
    blocks = list(blocks_of(ev))
    table = np.empty((2, len(blocks), len(alphas)))
    with tqdm(total=len(blocks) * len(alphas), desc=f"{first} to {second}, by block", disable=not progress) as bar:
        for row, block in enumerate(blocks):
            moved = [block] if mode == "alone" else blocks[row:]
            for column, alpha in enumerate(alphas):
                recipe = interpolate_blocks(ev.pool, first, second, dict.fromkeys(moved, alpha))
                found = score(ev, recipe, where)
                table[:, row, column] = 1 - found.accuracy, found.loss
                bar.update()
    return BlockProfile(first, second, where.name, mode, tuple(blocks), tuple(alphas), *table)
