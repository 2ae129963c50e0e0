"""Mixing straight from the files: for pools larger than memory, and for saving a mixture."""

from __future__ import annotations

import platform
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from tqdm.auto import tqdm

from soupwidgets.checkpoints import CheckpointError, TensorInfo, write_pieces, write_stream
from soupwidgets.checkpoints.file_bytes import Scratch
from soupwidgets.mixing.abreast import abreast
from soupwidgets.mixing.low_rank import LowRank, bases, mix_part
from soupwidgets.mixing.soundness import all_finite, not_finite
from soupwidgets.pool import Pool, SoupWarning
from soupwidgets.recipe import Recipe
from soupwidgets.text import one_line

# The pieces of all files together stay in the cache from when they are read to when they are added up. Shorter ones
# cost more calls than they save, longer ones gain nothing.
_ROW, _SHORTEST, _LONGEST = 1 << 21, 1 << 15, 1 << 18


def mix_streamed(pool: Pool, recipe: Recipe) -> Iterator[tuple[str, Tensor]]:
    """Mix tensor by tensor in one pass over the files, with the memory of one tensor.

    Parameters
    ----------
    pool
        The checkpoints; they need not fit into memory.
    recipe
        The coefficients.

    Yields
    ------
    str, Tensor
        Every tensor of the mixture in the order of names, in float32 and equal to the
        last bit to the result of `PoolMatrix.mix` (products of adapters: up to rounding). Tensors that are not
        floating-point are copied from the ingredient with the largest coefficient.

    Raises
    ------
    PoolError
        When the recipe names a checkpoint that the pool lacks.
    ValueError
        When the recipe is empty.
    CheckpointError
        When a file becomes unreadable.
    """
    announced = mixed_tensors(pool)
    out = torch.empty(0)

    def memory(tensor: str, start: int, stop: int) -> Tensor:
        nonlocal out
        if start == 0:
            out = torch.empty(announced[tensor].shape, dtype=announced[tensor].dtype)
        return out.view(-1)[start:stop]

    for tensor, start, part in _mixed(pool, recipe, memory):
        if start + len(part) == out.numel():
            yield tensor, out


def mix_pieces(pool: Pool, recipe: Recipe) -> Iterator[tuple[str, int, Tensor]]:
    """The same in flat pieces, as `CheckpointFile.pieces` gives them: each lasts until the next one."""
    announced = mixed_tensors(pool)
    scratch = Scratch()

    def memory(tensor: str, start: int, stop: int) -> Tensor:
        dtype = announced[tensor].dtype
        return scratch((stop - start) * dtype.itemsize).view(dtype)

    return _mixed(pool, recipe, memory)


def _replacing(
    pieces: Iterable[tuple[str, int, Tensor]], replaced: Mapping[str, Tensor]
) -> Iterator[tuple[str, int, Tensor]]:
    for name, start, part in pieces:
        if name in replaced:
            part.copy_(replaced[name].view(-1)[start : start + len(part)])
        yield name, start, part


def mixed_tensors(pool: Pool) -> dict[str, TensorInfo]:
    """What a mixture consists of: the pool's tensors, in float32 where they are floating-point ones."""
    return {
        name: TensorInfo(info.shape, torch.float32 if info.dtype.is_floating_point else info.dtype)
        for name, info in pool.tensors.items()
    }


def _mixed(pool: Pool, recipe: Recipe, memory: Callable[[str, int, int], Tensor]) -> Iterator[tuple[str, int, Tensor]]:
    pool.require(recipe)
    # Adapters are read whole, once: the file of a base is read once for all of its adapters.
    known = bases(pool)
    adapters = {name: LowRank(pool, name, known[name], torch.device("cpu")) for name in recipe if name in known}
    names = list(dict.fromkeys(known.get(name, name) for name in recipe))
    leader = names.index(known.get(recipe.leader, recipe.leader))
    longest = min(max(_SHORTEST, _ROW // len(names)), _LONGEST)
    broken: dict[str, list[str]] = {}
    for row in abreast([pool.checkpoints[name].pieces(longest) for name in names], torch.get_num_threads()):
        tensor, start, first = row[0]
        part = memory(tensor, start, start + len(first))
        if not pool.tensors[tensor].dtype.is_floating_point:
            part.copy_(row[leader][2])
        else:
            pieces = {name: piece.float() for name, (_, _, piece) in zip(names, row, strict=True)}
            mix_part(part, recipe.at(tensor), pieces, adapters, tensor=tensor, start=start)
            if not all_finite(part):
                for name, (_, _, piece) in zip(names, row, strict=True):
                    if not all_finite(piece) and tensor not in broken.setdefault(name, []):
                        broken[name].append(tensor)
        yield tensor, start, part
    for name, where in broken.items():
        if where:
            warnings.warn(not_finite(name, where), SoupWarning, stacklevel=3)


def save_mixture(
    pool: Pool,
    recipe: Recipe,
    path: str | Path,
    *,
    measured: Mapping[str, Any] | None = None,
    progress: bool = True,
    architecture: Mapping[str, Any] | None = None,
    replaced: Mapping[str, Tensor] | None = None,
    overwrite: bool = False,
) -> Path:
    """Write the mixture to a file that other tools can load.

    Parameters
    ----------
    pool, recipe
        As in `mix_streamed`.
    path
        ``.safetensors``, or ``.pt`` for a state dict of ``torch.save``. The file appears
        once it is complete; an interrupted run leaves nothing behind.
    measured
        What is known about its accuracy, for the card.
    progress
        Whether to show a progress bar.
    architecture
        The card of the architecture, if the pool's own cards do not state it.
    replaced
        Tensors that are no average: statistics of batch normalisation that were measured again.
    overwrite
        Whether to replace an existing file.

    Returns
    -------
    Path
        The same path.

    Raises
    ------
    ValueError
        When the path has another ending, or is an ingredient's own file.
    CheckpointError
        When the file exists already, nothing can be written there, or a checkpoint becomes unreadable.
    PoolError
        As in `mix_streamed`.

    Notes
    -----
    The file uses the pool's tensor names. A safetensors file carries a card
    with the ingredients, their content hashes and coefficients, the measured
    accuracies and the versions; `Pool` reads it as an ingredient of the same kind.
    """
    pool.require(recipe)
    check_target(pool, list(recipe), path, overwrite=overwrite)
    card = _recipe_card(pool, recipe)
    if architecture is not None:
        card["architecture"] = dict(architecture)
    card["measured"] = dict(measured or {})
    if Path(path).suffix == ".pt":
        mixed = ((name, (replaced or {}).get(name, tensor)) for name, tensor in mix_streamed(pool, recipe))
        return save_stream(pool, path, mixed, card=card, progress=progress)
    with _progress(pool, path, progress) as bar:
        pieces = _replacing(mix_pieces(pool, recipe), replaced or {})
        write_pieces(path, mixed_tensors(pool), _counted(pieces, bar), _whole_card(pool, path, card))
    return Path(path)


def _counted(pieces: Iterable[tuple[str, int, Tensor]], bar: tqdm[Any]) -> Iterator[tuple[str, int, Tensor]]:
    for name, start, piece in pieces:
        yield name, start, piece
        bar.update(start == 0)


def check_target(pool: Pool, names: Sequence[str], path: str | Path, *, overwrite: bool = False) -> None:
    """Refuse a path to which no checkpoint can be written, or where something would be lost.

    Raises
    ------
    CheckpointError
        When the file exists already and ``overwrite`` is not set.
    ValueError
        When the path ends with neither ``.safetensors`` nor ``.pt``, or is an ingredient's own file.
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
    *,
    card: Mapping[str, Any],
    progress: bool = True,
) -> Path:
    """Write tensors that were computed from a pool's checkpoints, with a card that says how.

    Parameters
    ----------
    pool
        Determines names, shapes and architecture.
    path
        ``.safetensors``, which carries the card, or ``.pt``.
    stream
        Every tensor of the pool once, in float32 if it is a floating-point tensor.
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
        When a tensor is missing, or does not match the pool's.
    """
    with _progress(pool, path, progress) as bar:
        shown = ((name, tensor) for name, _, tensor in _counted(((name, 0, tensor) for name, tensor in stream), bar))
        write_stream(path, mixed_tensors(pool), values=shown, card=_whole_card(pool, path, card))
    return Path(path)


def _progress(pool: Pool, path: str | Path, shown: bool) -> tqdm[Any]:
    return tqdm(total=len(pool.tensors), desc=f"writing {one_line(Path(path).name)}", unit="tensor", disable=not shown)


def _whole_card(pool: Pool, path: str | Path, card: Mapping[str, Any]) -> dict[str, Any]:
    whole: dict[str, Any] = {
        "name": Path(path).stem,
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
    return whole


def _recipe_card(pool: Pool, recipe: Recipe) -> dict[str, Any]:
    card: dict[str, Any] = {
        "recipe": [
            {"ingredient": n, "sha256": pool.checkpoints[n].content_hash, "coefficient": c} for n, c in recipe.items()
        ]
    }
    if recipe.by_tensor:
        card["recipe_by_tensor"] = recipe.by_tensor
    return card
