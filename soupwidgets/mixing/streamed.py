"""Mixing straight from the files: for pools larger than memory, and for leaving with a file."""

from __future__ import annotations

import math
import platform
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from tqdm.auto import tqdm

from soupwidgets.checkpoints import CheckpointError, TensorInfo, write_stream
from soupwidgets.mixing.kernel import weighted_sum
from soupwidgets.mixing.soundness import all_finite, not_finite
from soupwidgets.pool import Pool, SoupWarning
from soupwidgets.recipe import Recipe
from soupwidgets.text import one_line


def mix_streamed(pool: Pool, recipe: Recipe, scratch: Tensor | None = None) -> Iterator[tuple[str, Tensor]]:
    """Mix tensor by tensor in one pass over the files, with the memory of one tensor.

    Parameters
    ----------
    pool
        The checkpoints; as many as the disk holds.
    recipe
        The coefficients.
    scratch
        Flat float32 memory as long as the largest tensor. Every mixture then
        lies in it and lasts until the next one; without it each has memory of its own.

    Yields
    ------
    str, Tensor
        Every tensor of the mixture in the order of its name, float32; to the
        last bit what `PoolMatrix.mix` gives. Tensors that are no floating-point
        numbers are those of the ingredient with the largest coefficient.

    Raises
    ------
    PoolError
        When the recipe names a checkpoint that the pool lacks.
    ValueError
        When the recipe is empty.
    CheckpointError
        When a file becomes unreadable.
    """
    pool.require(recipe)
    names = list(recipe)
    leader = names.index(recipe.leader)
    broken: dict[str, list[str]] = {}
    for row in zip(*(pool.checkpoints[name].pieces() for name in names), strict=True):
        tensor, start, first = row[0]
        info = pool.tensors[tensor]
        stop = start + len(first)
        if start == 0:
            own = recipe.at(tensor)
            out = _memory(info, scratch)
        part = out.view(-1)[start:stop]
        if not info.dtype.is_floating_point:
            part.copy_(row[leader][2])
        else:
            chosen = [piece.float() for name, (_, _, piece) in zip(names, row, strict=True) if name in own]
            weighted_sum(chosen, list(own.values()), part)
            if not all_finite(part):
                for name, (_, _, piece) in zip(names, row, strict=True):
                    if not all_finite(piece) and tensor not in broken.setdefault(name, []):
                        broken[name].append(tensor)
        if stop == out.numel():
            yield tensor, out
    for name, where in broken.items():
        if where:
            warnings.warn(not_finite(name, where), SoupWarning, stacklevel=2)


def _memory(info: TensorInfo, scratch: Tensor | None) -> Tensor:
    if not info.dtype.is_floating_point:
        return torch.empty(info.shape, dtype=info.dtype)
    if scratch is None:
        return torch.empty(info.shape, dtype=torch.float32)
    return scratch[: math.prod(info.shape)].view(info.shape)


def save_mixture(
    pool: Pool,
    recipe: Recipe,
    path: str | Path,
    measured: Mapping[str, Any] | None = None,
    progress: bool = True,
    architecture: Mapping[str, Any] | None = None,
    overwrite: bool = False,
) -> Path:
    """Write the mixture to a file that other tools load.

    Parameters
    ----------
    pool, recipe
        As in `mix_streamed`.
    path
        ``.safetensors``, or ``.pt`` for a state dict of ``torch.save``. Appears
        when it is complete; an interrupted run leaves nothing behind.
    measured
        What is known of its accuracy, for the card.
    progress
        Whether to show a progress bar.
    architecture
        The card of what the tensors belong to, where the pool's own cards do not say it.
    overwrite
        Whether to replace a file that is there already.

    Returns
    -------
    Path
        The same path.

    Raises
    ------
    ValueError
        When the path ends with something else, or names an ingredient's own file.
    CheckpointError
        When there is a file already, nothing can be written there, or a checkpoint becomes unreadable.
    PoolError
        As in `mix_streamed`.

    Notes
    -----
    The file has the pool's names of tensors. A safetensors file carries a card
    with the ingredients, their content hashes and coefficients, the measured
    accuracies and the versions; `Pool` reads it as an ingredient of the same kind.
    """
    pool.require(recipe)
    check_target(pool, list(recipe), path, overwrite)
    card = _recipe_card(pool, recipe)
    if architecture is not None:
        card["architecture"] = dict(architecture)
    # Fresh memory for every tensor would cost as much as writing it.
    longest = max((math.prod(info.shape) for info in pool.tensors.values()), default=0)
    stream = mix_streamed(pool, recipe, None if Path(path).suffix == ".pt" else torch.empty(longest))
    return save_stream(pool, path, stream, {**card, "measured": dict(measured or {})}, progress)


def check_target(pool: Pool, names: Sequence[str], path: str | Path, overwrite: bool = False) -> None:
    """Refuse a path that no checkpoint can be written to, or where something would be lost.

    Raises
    ------
    CheckpointError
        When there is a file already and ``overwrite`` is not set.
    ValueError
        When the path ends with something else than ``.safetensors`` or ``.pt``, or names an ingredient's own file.
    """
    path = Path(path)
    if path.suffix not in (".safetensors", ".pt"):
        raise ValueError(f"{path}: the name must end with .safetensors or .pt")
    for name in names:
        if path.resolve() in (file.resolve() for file in pool.checkpoints[name].files):
            raise ValueError(f"{path} is the file of the ingredient {name!r}, which would be lost")
    if path.exists() and not overwrite:
        raise CheckpointError(path, "there is a file already; overwrite=True (--overwrite) replaces it")


def save_stream(
    pool: Pool,
    path: str | Path,
    stream: Iterable[tuple[str, Tensor]],
    card: Mapping[str, Any],
    progress: bool = True,
) -> Path:
    """Write tensors that were made of a pool's checkpoints, with a card that says how.

    Parameters
    ----------
    pool
        Names, shapes and architecture are its own.
    path
        ``.safetensors``, which carries the card, or ``.pt``.
    stream
        Every tensor of the pool once, in float32 where it is a floating-point one.
    card
        What was done; name, role, versions and architecture are added.
    progress
        Whether to show a progress bar.

    Returns
    -------
    Path
        The same path.

    Raises
    ------
    ValueError
        When a tensor is missing, or is not what the pool has.
    """
    path = Path(path)
    tensors = {
        name: TensorInfo(info.shape, torch.float32 if info.dtype.is_floating_point else info.dtype)
        for name, info in pool.tensors.items()
    }
    shown = tqdm(stream, total=len(tensors), desc=f"writing {one_line(path.name)}", unit="tensor", disable=not progress)
    whole: dict[str, Any] = {
        "name": path.stem,
        "role": "fine_tuned",
        **card,
        "versions": {
            "soupwidgets": version("soupwidgets"),
            "torch": torch.__version__,
            "python": platform.python_version(),
        },
    }
    if pool.architecture_card is not None and "architecture" not in card:
        whole["architecture"] = dict(pool.architecture_card)
    write_stream(path, tensors, shown, whole)
    return path


def _recipe_card(pool: Pool, recipe: Recipe) -> dict[str, Any]:
    card: dict[str, Any] = {
        "recipe": [
            {"ingredient": n, "sha256": pool.checkpoints[n].content_hash, "coefficient": c} for n, c in recipe.items()
        ]
    }
    if recipe.by_tensor:
        card["recipe_by_tensor"] = recipe.by_tensor
    return card
