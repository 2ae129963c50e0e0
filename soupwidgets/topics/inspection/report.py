"""The report of ``soupwidgets inspect``: each file on its own, then all of them together."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tqdm.auto import tqdm

from soupwidgets.checkpoints import Adapter, CheckpointError, CheckpointFile, adapter_folder, locate
from soupwidgets.commands.reports import plain
from soupwidgets.pool import PoolError, differences, weight_files
from soupwidgets.text import one_line
from soupwidgets.topics.inspection.checkpoint import inspect_checkpoint
from soupwidgets.topics.inspection.kinship import kinship

_SHOWN = 12


def open_all(
    places: Sequence[str | Path], part: str | None = None
) -> tuple[list[CheckpointFile | Adapter], list[CheckpointError]]:
    """Open the checkpoints at paths or with published names; for a folder, all of its weight files and adapters.

    The files that could be opened, and the errors of the others.

    Parameters
    ----------
    places
        Files, folders, or names as in `Pool.open`.

    Raises
    ------
    PoolError
        When a folder has no weight file.
    CheckpointError
        When none could be opened.
    """
    files: list[CheckpointFile | Adapter] = []
    unreadable: list[CheckpointError] = []
    for place in places:
        folder = Path(place)
        if folder.is_dir() and not (found := weight_files(folder)):
            raise PoolError(f"{folder}: no weight file there")
        for path in found if folder.is_dir() else [place]:
            try:
                there = locate(path)
                adapter = adapter_folder(there)
                files.append(Adapter(adapter) if adapter else CheckpointFile(there, part))
            except CheckpointError as error:
                unreadable.append(error)
    if unreadable and not files:
        raise unreadable[0]
    return files, unreadable


def inspect_files(files: Sequence[CheckpointFile | Adapter], *, progress: bool = True) -> dict[str, Any]:
    """Everything that can be inferred from the files alone, as JSON values.

    Returns
    -------
    dict
        ``files``: one entry each. With several files also ``differences`` from
        the first, and ``kinship`` if they have weights in common. Numbers
        that are not finite are None. ``adapters``, if there are any: LoRA adapters, which are not compared.
    """
    adapters = [file for file in files if isinstance(file, Adapter)]
    whole = [file for file in files if not isinstance(file, Adapter)]
    entries = []
    for file in tqdm(whole, desc="inspecting", unit="file", disable=not progress):
        found = inspect_checkpoint(file)
        entries.append(
            {
                "path": str(file.path),
                "bytes": sum(path.stat().st_size for path in file.files),
                "tensors": len(file.tensors),
                "parameters": found.parameters,
                "dtypes": dict(found.dtypes),
                "not_finite": {name: {"nan": n, "inf": i} for name, (n, i) in found.not_finite.items()},
                "architecture": found.architecture,
                "head": found.head,
                "models": list(found.models),
                "parts": file.parts,
                "not_run": file.refused,
                "block_norms": found.block_norms,
            }
        )
    report: dict[str, Any] = {"files": entries}
    if adapters:
        report["adapters"] = [_adapter_entry(adapter) for adapter in adapters]
    if len(whole) > 1:
        stems = [file.path.stem for file in whole]
        named = {
            stem if stems.count(stem) == 1 else str(file.path): file for stem, file in zip(stems, whole, strict=True)
        }
        wrong, precision = differences(named)
        report["differences"] = {"forbid_mixing": wrong, "precision": precision}
        # A single non-finite value would make every angle with that file meaningless.
        sound = {name: file for (name, file), e in zip(named.items(), entries, strict=True) if not e["not_finite"]}
        try:
            kin = kinship(sound)
        except ValueError as error:
            report["kinship"] = {"not_compared": str(error)}
        else:
            report["kinship"] = {
                "families": kin.families,
                "cosine": kin.cosine,
                "reference": kin.reference,
                "distance": kin.distance,
                "outlier": kin.outlier,
            }
    converted: dict[str, Any] = plain(report)
    return converted


def to_text(report: dict[str, Any]) -> str:
    """The report as text."""
    lines: list[str] = []
    for entry in report["files"]:
        dtypes = ", ".join(f"{count} {dtype}" for dtype, count in entry["dtypes"].items())
        lines += [
            entry["path"],
            f"  {entry['parameters']:,} parameters in {entry['tensors']} tensors ({dtypes}), "
            f"{entry['bytes'] / 1e6:,.1f} MB",
            f"  architecture: {entry['architecture'] or 'not known from the shapes'}",
            f"  head: {entry['head'] or 'none'}",
        ]
        if entry["models"]:
            lines.append("  its model, unless normalisation or activations differ from the library's own:")
            lines += [f"    Evaluator(..., model={code})" for code in entry["models"][:_SHOWN]]
        if len(entry["parts"]) > 1:
            lines.append(f"  sets of weights: {', '.join(entry['parts'])} (--part chooses)")
        if entry["not_run"]:
            lines.append(f"  names classes or functions, none of which was run: {_some(entry['not_run'])}")
        if entry["not_finite"]:
            bad = [f"{name} ({c['nan']} NaN, {c['inf']} infinite)" for name, c in entry["not_finite"].items()]
            lines.append(f"  NOT FINITE, ruins every mixture: {_some(bad)}")
        norms = sorted(entry["block_norms"].items(), key=lambda item: -math.inf if item[1] is None else -item[1])
        shown = [f"{block} {'not finite' if norm is None else format(norm, '.3g')}" for block, norm in norms]
        lines += [f"  largest norms: {_some(shown[:6])}", ""]
    for entry in report.get("adapters", []):
        lines += [entry["path"], f"  {entry['summary']}, {entry['bytes'] / 1e6:,.1f} MB"]
        if entry["not_finite"]:
            lines.append(f"  NOT FINITE, ruins every mixture: {_some(entry['not_finite'])}")
        lines += ["  mixed together with its base: open both in one pool", ""]
    if "differences" in report:
        wrong, precision = report["differences"]["forbid_mixing"], report["differences"]["precision"]
        if wrong:
            lines += [f"Cannot be mixed: {len(wrong)} differences from the first file", *(f"  {w}" for w in wrong)]
        else:
            lines.append("Can be mixed: names, shapes and dtypes of all tensors agree.")
        if precision:
            lines += ["Stored in different precisions (they are mixed in float32):", *(f"  {p}" for p in precision)]
    if "kinship" in report:
        lines += _kinship_lines(report["kinship"])
    # Line by line: names of tensors, parts and files may contain line breaks.
    return "\n".join(map(one_line, lines)).rstrip() + "\n"


def _adapter_entry(adapter: Adapter) -> dict[str, Any]:
    changed, replaced = adapter.numbers
    return {
        "path": str(adapter.path),
        "bytes": sum(path.stat().st_size for path in adapter.file.files),
        "summary": adapter.summary,
        "changes": changed,
        "replaces": replaced,
        "base": adapter.config.base_model_name_or_path,
        "not_finite": [name for name, tensor in adapter.file.read() if not bool(tensor.isfinite().all())],
    }


def _kinship_lines(kin: dict[str, Any]) -> list[str]:
    if "not_compared" in kin:
        return [f"Ancestors not compared: {kin['not_compared']}."]
    lines = []
    if len(kin["families"]) == 1:
        lines.append("They appear to share an ancestor (the weights of all pairs are nearly parallel).")
    else:
        lines.append(
            f"They appear to be {len(kin['families'])} FAMILIES from different initialisations; do not average across:"
        )
        lines += [f"  {', '.join(family)}" for family in kin["families"]]
    lines.append(f"Distance from {kin['reference']}, relative to its norm; the block that moved most:")
    for name, distance in kin["distance"].items():
        if name == kin["reference"]:
            continue
        block, moved = kin["outlier"][name]
        far = "not finite" if distance is None else f"{distance:.3f}"
        lines.append(f"  {far}  {name}  ({block}: {'not finite' if moved is None else format(moved, '.3f')})")
    return lines


def _some(words: Sequence[str]) -> str:
    rest = len(words) - _SHOWN
    return ", ".join(words[:_SHOWN]) + (f", and {rest} more" if rest > 0 else "")
