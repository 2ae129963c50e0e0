"""Interpolating only some layers: which blocks are responsible for the effect of fine-tuning."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from tqdm.auto import tqdm

from soupwidgets.evaluation import Evaluator, score
from soupwidgets.models.depth import block_of, network_order
from soupwidgets.pool import Pool
from soupwidgets.recipe import Recipe
from soupwidgets.suites.named import split_named
from soupwidgets.suites.task import Task
from soupwidgets.text import one_line
from soupwidgets.topics.landscape.height import cost

_OF_A_LAYER = (".weight", ".bias", ".running_mean", ".running_var", ".num_batches_tracked")


@dataclass(frozen=True, eq=False)
class BlockProfile:
    """Error and loss when only some blocks move from one model to another.

    Parameters
    ----------
    first, second
        The models at alpha 0 and 1.
    split
        The split they were measured on.
    mode
        Whether each row moves its block ``alone``, or this block and all ``after`` it up to the head.
    blocks
        The blocks, in the order of the network.
    alphas
        How far blocks are moved, increasing.
    error, loss
        ``[blocks, alphas]``: share of wrong predictions (0..1; of another metric its ``cost``), and mean loss.
    metric, task
        What the split is scored by, and what its labels are.
    """

    first: str
    second: str
    split: str
    mode: Literal["alone", "after"]
    blocks: tuple[str, ...]
    alphas: tuple[float, ...]
    error: NDArray[np.float64] = field(repr=False)
    loss: NDArray[np.float64] = field(repr=False)
    metric: str = "accuracy"
    task: Task = "single-label"


def blocks_of(ev: Evaluator) -> dict[str, list[str]]:
    """The tensors of each block of layers, or of each layer outside blocks, in the order of the network."""
    blocks: dict[str, list[str]] = {}
    for name in network_order(list(ev.pool.tensors), ev.architecture, form=ev.suite.validation.form):
        found = block_of(name)
        layer = found.rpartition(".")[0] if found == name and name.endswith(_OF_A_LAYER) else found
        blocks.setdefault(layer, []).append(name)
    return blocks


def interpolate_blocks(
    pool: Pool, first: str, second: str, *, alphas: Mapping[str, float], otherwise: float = 0
) -> Recipe:
    """A mixture with a separate alpha for some blocks or tensors.

    Parameters
    ----------
    first, second
        Names of the models at alpha 0 and 1.
    alphas
        Alpha by block, layer or tensor, given as a prefix of tensor names up to a dot or the end. The
        longest matching prefix applies.
    otherwise
        Alpha of the rest of the model.

    Raises
    ------
    PoolError
        When a checkpoint is not in the pool.
    ValueError
        When a prefix matches no tensor.

    Examples
    --------
    >>> pool = Pool.open("data/zoo/fashion")
    >>> recipe = interpolate_blocks(pool, "zero-shot", "ft-03", alphas={"head.weight": 1})
    >>> recipe.at("head.weight"), recipe.at("visual.proj")
    ({'ft-03': 1.0}, {'zero-shot': 1.0})
    """
    pool.require([first, second])
    tensors = [name for name, info in pool.tensors.items() if info.dtype.is_floating_point]
    found = {t: [b for b in alphas if t == b or t.startswith(f"{b}.")] for t in tensors}
    unknown = set(alphas) - {block for blocks in found.values() for block in blocks}
    if unknown:
        known = ", ".join(dict.fromkeys(map(block_of, tensors)))
        raise ValueError(f"the models have no block, layer or tensor {min(unknown)!r}; there are {known}")
    own = {t: alphas[max(blocks, key=len)] for t, blocks in found.items() if blocks}

    def mixed(alpha: float) -> dict[str, float]:
        return {first: 1 - alpha, second: alpha}

    return Recipe(mixed(otherwise), {t: mixed(alpha) for t, alpha in own.items()})


def block_profile(
    ev: Evaluator,
    first: str,
    second: str,
    *,
    mode: Literal["alone", "after"] = "alone",
    alphas: Sequence[float] = (0, 0.25, 0.5, 0.75, 1),
    split: str | None = None,
    progress: bool = True,
) -> BlockProfile:
    """Move one block at a time, or the last blocks, from one model to another, and measure.

    Parameters
    ----------
    first, second
        Names of the models at alpha 0 and 1.
    mode
        ``"alone"`` moves each block on its own; ``"after"`` moves it with all blocks after it, so that
        the last row is the head alone and the first the whole model.
    split
        Where to measure; the validation split when None.

    Raises
    ------
    PoolError, KeyError
        When the pool lacks a checkpoint, or the suite the split.
    """
    where = split_named(ev.suite, split)
    blocks = list(blocks_of(ev))
    table = np.empty((2, len(blocks), len(alphas)))
    with tqdm(
        total=len(blocks) * len(alphas), desc=one_line(f"{first} to {second}, by block"), disable=not progress
    ) as bar:
        for row, block in enumerate(blocks):
            moved = [block] if mode == "alone" else blocks[row:]
            for column, alpha in enumerate(alphas):
                recipe = interpolate_blocks(ev.pool, first, second, alphas=dict.fromkeys(moved, alpha))
                found = score(ev, recipe, where)
                table[:, row, column] = cost(found), found.loss
                bar.update()
    error, loss = table
    kind = where.scoring
    return BlockProfile(
        first, second, where.name, mode, tuple(blocks), tuple(alphas), error, loss, kind.metric, kind.task
    )
