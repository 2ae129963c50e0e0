"""``soupwidgets align``: reorder a checkpoint's hidden units to fit another's."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from soupwidgets.commands.inputs import known_pool
from soupwidgets.commands.options import JsonOption, PartOption, open_pool, show, write_json
from soupwidgets.commands.places import output_file

if TYPE_CHECKING:
    from soupwidgets.methods.alignment import Alignment


def align(
    pool: Annotated[
        str, typer.Argument(help="Folder, glob pattern or file of checkpoints, in any format.", callback=known_pool)
    ],
    name: Annotated[str, typer.Argument(help="Name of the checkpoint whose hidden units are reordered.")],
    to: Annotated[str, typer.Option(help="Name of the checkpoint that it is aligned to.")],
    out: Annotated[
        Path,
        typer.Option(help="The aligned checkpoint: .safetensors, or .pt.", callback=output_file),
    ],
    seed: Annotated[int, typer.Option(min=0, help="Decides the orders in which layers are gone through.")] = 0,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a file that is there already.")] = False,
    part: PartOption = None,
    json_file: JsonOption = None,
) -> None:
    """Reorder a checkpoint's hidden units to fit another's, by weight matching. What it computes is unchanged."""
    from soupwidgets.methods.alignment import align as align_checkpoint

    opened = open_pool(pool, part, None, None)
    found = align_checkpoint(
        opened, name, to=to, path=out, seed=seed, progress=sys.stderr.isatty(), overwrite=overwrite
    )
    write_json(json_file, found.to_json())
    if json_file != "-":
        show(_text(found))


def _text(found: Alignment) -> str:
    units, moved = sum(len(p) for p in found.matching.permutations.values()), sum(found.moved.values())
    return (
        f"{found.name} aligned to {found.to} by weight matching: {moved:,} of {units:,} hidden units in "
        f"{len(found.moved)} groups moved.\n"
        f"Cosine between the weights: {found.matching.before:.4f} before, {found.matching.after:.4f} after.\n"
        f"Taken for {found.family}, from the names and shapes of its tensors.\n"
        f"Written to {found.path}. `soupwidgets landscape line` measures the barrier before and after."
    )
