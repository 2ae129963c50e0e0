"""What merges of task vectors share: read tensor by tensor, write a file with a card that says how it was made."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from soupwidgets.evaluation import Evaluator
from soupwidgets.methods.uniform import chosen_ingredients
from soupwidgets.mixing import check_target, save_stream
from soupwidgets.pool import Pool
from soupwidgets.recipe import Recipe

# From a tensor's name and what each ingredient adds to it, [names, *shape], to what the merged model adds.
Merge = Callable[[str, Tensor], Tensor]


def moved_ingredients(pool: Pool, ingredients: Sequence[str] | None) -> list[str]:
    """The ingredients that have a task vector: all that are named but the zero-shot model.

    Raises
    ------
    PoolError
        When a name is not in the pool, or it has not exactly one zero-shot model.
    ValueError
        When no ingredient is left.
    """
    origin = pool.zero_shot
    names = [name for name in chosen_ingredients(pool, ingredients) if name != origin]
    if not names:
        raise ValueError("there is no ingredient besides the zero-shot model")
    return names


def write_merged(
    pool: Pool,
    path: str | Path,
    names: Sequence[str],
    merge: Merge,
    method: str,
    settings: Mapping[str, Any],
    *,
    scale: float = 1.0,
    progress: bool = True,
    overwrite: bool = False,
) -> Path:
    """Write theta_0 + scale * merge(task vectors), one tensor at a time.

    Parameters
    ----------
    pool
        Has the zero-shot model theta_0 and the ingredients.
    path
        Where to write: ``.safetensors`` or ``.pt``.
    names
        The ingredients, as `moved_ingredients` gives them.
    merge
        From a tensor's name and what each ingredient adds to it, ``[names, *shape]`` in float32, to what the merged
        model adds, of that shape.
    method, settings
        What was done, for the card.
    scale
        How far to go along the merged task vector.

    Returns
    -------
    Path
        The same path. Tensors that are no floating-point numbers are the zero-shot model's.

    Raises
    ------
    ValueError, CheckpointError
        When nothing can be written there, or it is an ingredient's own file.
    """
    origin = pool.zero_shot
    check_target(pool, [*names, origin], path, overwrite=overwrite)

    def stream() -> Iterator[tuple[str, Tensor]]:
        for tensor, start, moves in task_vectors(pool, names):
            yield tensor, start if moves is None else start.float() + scale * merge(tensor, moves)

    content = [{"ingredient": n, "sha256": pool.checkpoints[n].content_hash} for n in [origin, *names]]
    card = {"merge": {"method": method, **settings, "scale": scale, "of": content}}
    return save_stream(pool, path, stream(), card=card, progress=progress)


def task_vectors(pool: Pool, names: Sequence[str]) -> Iterator[tuple[str, Tensor, Tensor | None]]:
    """Tensor by tensor: its name, the zero-shot model's, and what each ingredient adds ``[names, *shape]``, float32.

    Nothing is added to a tensor that has no floating-point numbers: None.
    """
    for row in zip(*(pool.checkpoints[name].read() for name in [pool.zero_shot, *names]), strict=True):
        tensor, start = row[0]
        if not start.is_floating_point():
            yield tensor, start, None
            continue
        base = start.float()
        yield tensor, start, torch.stack([value.float() - base for _, value in row[1:]])


def write_from_buffer(
    ev: Evaluator,
    path: str | Path,
    names: Sequence[str],
    flat: Tensor,
    method: str,
    settings: Mapping[str, Any],
    *,
    progress: bool = True,
) -> Path:
    """Write a merge that was computed in memory, for methods whose images pass through all tensors at once.

    Parameters
    ----------
    ev
        Evaluator of the pool.
    path
        Where to write, as `check_target` allows it.
    names
        The ingredients.
    flat
        Every floating-point tensor, in the layout of ``ev.matrix``. The others are the first ingredient's.
    method, settings
        What was done, for the card.

    Returns
    -------
    Path
        The same path.
    """
    layout = ev.matrix.layout

    def stream() -> Iterator[tuple[str, Tensor]]:
        whole = ev.matrix.whole_tensors(Recipe({names[0]: 1}))
        for tensor in ev.pool.tensors:
            merged = layout.places[tensor].view(flat) if tensor in layout.places else whole[tensor]
            yield tensor, merged.cpu()

    content = [{"ingredient": n, "sha256": ev.pool.checkpoints[n].content_hash} for n in names]
    card = {"merge": {"method": method, **settings, "of": content}}
    return save_stream(ev.pool, path, stream(), card=card, progress=progress)


def agreeing_mean(kept: Tensor) -> Tensor:
    """Elect a sign per entry, that of the sum, and average the entries of this sign.

    Parameters
    ----------
    kept
        ``[names, *shape]``: task vectors; what was dropped from them is 0, and has no vote.

    Returns
    -------
    Tensor
        ``[*shape]``; 0 where nothing is left, or the entries cancel.

    Notes
    -----
    Yadav et al., arXiv 2306.01708, section 4 (elect sign, disjoint merge).

    Examples
    --------
    >>> agreeing_mean(torch.tensor([[3.0, -2.0, 1.0], [1.5, 5.0, -1.0]])).tolist()
    [2.25, 5.0, 0.0]
    """
    sign = kept.sum(dim=0).sign()
    agreeing = kept * (kept.sign() == sign)
    voters = (agreeing != 0).sum(dim=0)
    return agreeing.sum(dim=0) / voters.clamp(min=1)


def dice(seed: int, name: str, tensor: str, shape: Sequence[int]) -> Tensor:
    """Numbers from 0 to 1 for one tensor of one ingredient, ``[*shape]``; the same seed gives the same."""
    # Seeded by names, so that neither the order of the files nor that of the tensors matters.
    words = hashlib.sha256(f"{seed}/{name}/{tensor}".encode()).digest()
    generator = torch.Generator().manual_seed(int.from_bytes(words[:8], "little") >> 1)
    return torch.rand(tuple(shape), generator=generator)
