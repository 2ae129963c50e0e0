"""Mixing straight from the files: for pools larger than memory, and for leaving with a file."""

from __future__ import annotations

import platform
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from tqdm.auto import tqdm

from soupwidgets.checkpoints import TensorInfo, write_stream
from soupwidgets.mixing.kernel import weighted_sum
from soupwidgets.pool import Pool
from soupwidgets.recipe import Recipe


def mix_streamed(pool: Pool, recipe: Recipe) -> Iterator[tuple[str, Tensor]]:
    """Mix tensor by tensor in one pass over the files, with the memory of one tensor.

    Parameters
    ----------
    pool
        The checkpoints; as many as the disk holds.
    recipe
        The coefficients.

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
    names, coefficients = list(recipe), list(recipe.values())
    leader = names.index(recipe.leader)
    for row in zip(*(pool.checkpoints[name].read() for name in names), strict=True):
        tensors = [tensor for _, tensor in row]
        first = tensors[0]
        if not first.is_floating_point():
            yield row[0][0], tensors[leader]
            continue
        out = torch.empty(first.shape, dtype=torch.float32)
        weighted_sum([tensor.reshape(-1).float() for tensor in tensors], coefficients, out.view(-1))
        yield row[0][0], out


def save_mixture(
    pool: Pool,
    recipe: Recipe,
    path: str | Path,
    measured: Mapping[str, Any] | None = None,
    progress: bool = True,
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

    Returns
    -------
    Path
        The same path.

    Raises
    ------
    ValueError
        When the path ends with something else, or names an ingredient's own file.
    PoolError, CheckpointError
        As in `mix_streamed`.

    Notes
    -----
    The file has the pool's names of tensors. A safetensors file carries a card
    with the ingredients, their content hashes and coefficients, the measured
    accuracies and the versions; `Pool` reads it as an ingredient of the same kind.
    """
    path = Path(path)
    if path.suffix not in (".safetensors", ".pt"):
        raise ValueError(f"{path}: the name must end with .safetensors or .pt")
    pool.require(recipe)
    for name in recipe:
        if path.resolve() in (file.resolve() for file in pool.checkpoints[name].files):
            raise ValueError(f"{path} is the file of the ingredient {name!r}, which would be lost")
    shapes = next(iter(pool.checkpoints.values())).tensors
    tensors = {
        name: TensorInfo(info.shape, torch.float32 if info.dtype.is_floating_point else info.dtype)
        for name, info in shapes.items()
    }
    stream = tqdm(
        mix_streamed(pool, recipe), total=len(tensors), desc=f"writing {path.name}", unit="tensor", disable=not progress
    )
    write_stream(path, tensors, stream, _card(pool, recipe, path.stem, measured or {}))
    return path


def _card(pool: Pool, recipe: Recipe, name: str, measured: Mapping[str, Any]) -> dict[str, Any]:
    card: dict[str, Any] = {
        "name": name,
        "role": "fine_tuned",
        "recipe": [
            {"ingredient": n, "sha256": pool.checkpoints[n].content_hash, "coefficient": c} for n, c in recipe.items()
        ],
        "measured": dict(measured),
        "versions": {
            "soupwidgets": version("soupwidgets"),
            "torch": torch.__version__,
            "python": platform.python_version(),
        },
    }
    if pool.architecture_card is not None:
        card["architecture"] = dict(pool.architecture_card)
    return card
