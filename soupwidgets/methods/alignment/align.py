"""Aligning a checkpoint of a pool to another one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from tqdm.auto import tqdm

from soupwidgets.checkpoints import write_stream
from soupwidgets.methods.alignment.families import find_groups
from soupwidgets.methods.alignment.matching import Matching, match_weights
from soupwidgets.mixing import check_target
from soupwidgets.mixing.soundness import all_finite, not_finite
from soupwidgets.pool import Pool
from soupwidgets.text import one_line


@dataclass(frozen=True)
class Alignment:
    """A checkpoint that was aligned to another one.

    Parameters
    ----------
    path
        The file that was written; `Pool.including` takes it into the pool.
    name, to
        The checkpoint that was permuted, and the one that it was aligned to.
    family
        What the network was taken for, in words.
    matching
        The permutations, and what they gain.
    """

    path: Path
    name: str
    to: str
    family: str
    matching: Matching

    @property
    def moved(self) -> dict[str, int]:
        """Number of units that are at another position than before, by group."""
        return {
            group: int((found != torch.arange(len(found))).sum()) for group, found in self.matching.permutations.items()
        }

    def to_json(self) -> dict[str, Any]:
        """Plain values: what was aligned, the cosine before and after, and units and moved units by group."""
        units = {group: len(found) for group, found in self.matching.permutations.items()}
        return {
            "path": str(self.path), "name": self.name, "to": self.to, "family": self.family,
            "cosine_before": self.matching.before, "cosine_after": self.matching.after,
            "sweeps": self.matching.sweeps, "starts": self.matching.starts,
            "groups": {group: {"units": units[group], "moved": moved} for group, moved in self.moved.items()},
        }  # fmt: skip


def align(
    pool: Pool,
    name: str,
    *,
    to: str,
    path: str | Path,
    seed: int = 0,
    progress: bool = True,
    overwrite: bool = False,
) -> Alignment:
    """Reorder a checkpoint's hidden units to fit another's, by weight matching; its function is unchanged.

    Two networks that were trained from different starts keep the same features at different positions; mixtures of
    them are poor for that reason at least. A pool whose checkpoints have one ancestor needs no alignment.

    Parameters
    ----------
    pool
        MLPs, VGG-like networks or plain ResNets; see ``find_groups``.
    name
        The checkpoint to permute.
    to
        The checkpoint that it is aligned to.
    path
        Where to write: ``.safetensors`` or ``.pt``. Every number is kept in the precision that it has.
    seed
        Decides the orders in which layers are gone through, and with them which local maximum is found.
    progress
        Whether to show a progress bar.
    overwrite
        Whether to replace a file that is there already.

    Returns
    -------
    Alignment
        With the path, the permutations, and the cosine between both networks' weights before and after.

    Raises
    ------
    ValueError
        When the network is not understood, a checkpoint is not finite or is to be aligned to itself, or the path has
        another ending or is a checkpoint's own.
    PoolError
        When a name is not in the pool.
    CheckpointError
        When the file exists already or cannot be written, or a checkpoint becomes unreadable.

    Notes
    -----
    Ainsworth et al., arXiv 2209.04836, section 3.2. Both checkpoints are in memory meanwhile. Batch normalisation of
    a mixture wants to be measured again, as `Evaluator` does (Jordan et al., arXiv 2211.08403).
    """
    pool.require([name, to])
    if name == to:
        raise ValueError(f"{name!r} cannot be aligned to itself: name another checkpoint")
    check_target(pool, pool.names, path, overwrite=overwrite)
    file = pool.checkpoints[name]
    groups = find_groups(file.tensors)
    reference, moving = (_finite(pool, model) for model in (to, name))
    with tqdm(desc=one_line(f"aligning {name} to {to}"), unit="layer", disable=not progress) as bar:
        matching = match_weights(groups, reference, moving, seed=seed, step=bar.update)

    def stream() -> Iterator[tuple[str, Tensor]]:
        for tensor, values in file.read():
            yield tensor, groups.permuted(tensor, values, matching.permutations)

    write_stream(path, file.tensors, values=stream(), card=_card(pool, name, to, path, seed))
    return Alignment(Path(path), name, to, groups.family, matching)


def _finite(pool: Pool, name: str) -> Mapping[str, Tensor]:
    tensors = dict(pool.checkpoints[name].read())
    broken = [tensor for tensor, values in tensors.items() if values.is_floating_point() and not all_finite(values)]
    if broken:
        raise ValueError(not_finite(name, broken))
    return tensors


def _card(pool: Pool, name: str, to: str, path: str | Path, seed: int) -> dict[str, Any]:
    own = pool.checkpoints[name].card
    card: dict[str, Any] = {
        "name": Path(path).stem,
        # In its new order a zero-shot model is no longer the point that the others started from.
        "role": "fine_tuned" if own.role == "zero_shot" else own.role,
        "note": f"aligned to {to} by weight matching",
        "hyperparameters": dict(own.hyperparameters),
        "training": dict(own.training),
        "alignment": {
            "of": name, "sha256": pool.checkpoints[name].content_hash,
            "to": to, "to_sha256": pool.checkpoints[to].content_hash, "seed": seed,
        },
        "versions": {"soupwidgets": version("soupwidgets"), "torch": torch.__version__},
    }  # fmt: skip
    architecture = own.architecture or pool.architecture_card
    return card | ({"architecture": dict(architecture)} if architecture is not None else {})
