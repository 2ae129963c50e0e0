"""``soupwidgets mistakes duplicates``: test images that were trained on."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import typer

from soupwidgets.commands.inputs import tested_split
from soupwidgets.commands.places import output_file, write_text
from soupwidgets.commands.reports import Report, measuring, plain
from soupwidgets.evaluation import Evaluator
from soupwidgets.recipe import Recipe
from soupwidgets.text import one_line
from soupwidgets.topics.diversity.members import members
from soupwidgets.topics.mistakes.duplicate_pictures import write_pairs
from soupwidgets.topics.mistakes.near_duplicates import NearDuplicates, near_duplicates
from soupwidgets.topics.mistakes.without_duplicates import without_duplicates

_PAIRS = 20


@measuring
def duplicates(
    ev: Evaluator,
    split: Annotated[str | None, typer.Option(help="Name of the split; the in-distribution test if not given.")] = None,
    model: Annotated[
        str | None, typer.Option(help="Checkpoint whose embeddings are compared; the zero-shot model if not given.")
    ] = None,
    threshold: Annotated[
        float | None,
        typer.Option(min=-1, max=1, help="Similarity from which on a pair counts; where it stands out if not given."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="CSV file for all pairs.", callback=output_file)] = None,
    pictures: Annotated[
        Path | None, typer.Option(help="PNG file of the nearest pairs, one above the other.", callback=output_file)
    ] = None,
) -> Report:
    """Find test images that are in the training images too, or almost, and what they add to accuracies."""
    where, progress = tested_split(ev.suite, split), sys.stderr.isatty()
    recipe = None if model is None else Recipe({model: 1})
    found = near_duplicates(ev, where.name, recipe=recipe, threshold=threshold, progress=progress)
    reference = ev.suite.training
    assert reference is not None
    pairs = found.to_frame(where, reference)
    written = []
    if out is not None:
        write_text(out, pairs.to_csv(index=False))
        written.append(out)
    if pictures is not None:
        written.append(write_pairs(pictures, found, where, reference))
    gained = {
        one.name: without_duplicates(one.right(where), found.rows)
        for one in members(ev, splits=[where.name], progress=progress)
    }
    content = {
        "split": found.split, "reference": found.reference, "threshold": found.threshold, "images": len(where),
        "duplicates": len(found.rows), "pairs": pairs.to_dict("records"), "written": written,
        "planted": [{"kind": one.kind, "copies": len(one.similarity), "found": one.found, "interval": one.interval}
                    for one in found.planted],
        "models": [{"model": name, **plain(one)} for name, one in gained.items()],
    }  # fmt: skip
    return Report(content, _duplicates_text(found, pairs, gained))


def _duplicates_text(found: NearDuplicates, pairs: pd.DataFrame, gained: dict[str, Any]) -> str:
    total = len(found.similarity)
    lines = [
        f"{len(found.rows):,} of {total:,} images of {one_line(found.split)} are as near to one of "
        f"{one_line(found.reference)} as {found.threshold:.4f} (cosine): candidates, to be looked at.",
        "Found of copies of training images that were planted: "
        + "; ".join(
            f"{one.kind} {one.found} of {len(one.similarity)} "
            f"[{100 * one.interval[0]:.0f}%, {100 * one.interval[1]:.0f}%]"
            for one in found.planted
        ),
    ]
    if len(pairs):
        shown = pairs.head(_PAIRS).map(lambda cell: one_line(cell) if isinstance(cell, str) else cell)
        lines.append(shown.to_string(index=False, float_format="{:.5f}".format))
    rows = [
        {
            "model": one_line(name),
            "all": round(100 * one.accuracy, 2),
            "without": round(100 * one.kept, 2),
            "duplicates": round(100 * one.duplicates, 2),
            "all minus without": f"{100 * one.difference:+.3f}",
            "95%": f"{100 * one.interval[0]:+.3f} to {100 * one.interval[1]:+.3f}",
        }
        for name, one in gained.items()
    ]
    lines.append("Accuracy, percent\n" + pd.DataFrame(rows).to_string(index=False, na_rep=""))
    return "\n\n".join(lines)
