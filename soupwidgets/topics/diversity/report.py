"""How differently models err, on the command line: the same numbers, in tables."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd

from soupwidgets.store import Store
from soupwidgets.suites import Suite
from soupwidgets.topics.diversity.imported_logits import import_member
from soupwidgets.topics.diversity.members import Member, open_members
from soupwidgets.topics.diversity.pairs import divergence_trend
from soupwidgets.topics.diversity.pairs import matrix as diversity_matrix


def diversity_report(
    pools: Sequence[str],
    suite: Suite,
    *,
    logits: Sequence[str] = (),
    split: str | None = None,
    store: Store | None = None,
    device: str = "auto",
    progress: bool = True,
    part: str | None = None,
) -> dict[str, Any]:
    """Compare all pairs of models.

    Parameters
    ----------
    pools
        Folders or files of checkpoints.
    suite
        The suite to measure them on.
    logits
        ``NAME:SPLIT=FILE`` for models known only by their logits.
    split
        The split to compare on; the in-distribution test when None.
    store, device, progress, part
        As in `open_members`.

    Returns
    -------
    dict
        Plain JSON values.

    Raises
    ------
    ValueError
        When an entry of ``logits`` is malformed, the suite has no such split, and as in
        `read_logits` and `pairs.matrix`.
    """
    where = suite.id_test.name if split is None else split
    if where not in suite.splits:
        raise ValueError(f"the suite has no split {where!r}; it has {', '.join(suite.splits)}")
    models = open_members(pools, suite, splits=[where], store=store, device=device, progress=progress, part=part)
    models += imported_members(logits, suite)
    matrix = diversity_matrix(models, suite, split=where, progress=progress)
    levels = {pair.divergence for pair in matrix.pairs}
    trend = asdict(divergence_trend(matrix)) if len(levels) > 1 else None
    records = matrix.to_frame().to_dict("records")
    return {
        "split": where,
        "images": len(suite.splits[where]),
        "models": list(matrix.names),
        "pairs": [{str(key): _finite(value) for key, value in record.items()} for record in records],
        "trend": trend,
    }


def imported_members(logits: Sequence[str], suite: Suite) -> list[Member]:
    """Models known only by their logits.

    Parameters
    ----------
    logits
        ``NAME:SPLIT=FILE``, one entry per split.
    suite
        The suite whose images they were shown.

    Raises
    ------
    ValueError
        When an entry is malformed, and as in `read_logits`.
    """
    imported: dict[str, dict[str, str | Path]] = {}
    for entry in logits:
        name, colon, rest = entry.partition(":")
        of, equals, path = rest.partition("=")
        if not (name and colon and of and equals and path) or of not in suite.splits:
            raise ValueError(f"--logits {entry}: expected NAME:SPLIT=FILE, with a split of {', '.join(suite.splits)}")
        imported.setdefault(name, {})[of] = path
    return [import_member(name, files, suite=suite) for name, files in imported.items()]


def to_text(report: dict[str, Any]) -> str:
    """A table of the pairs, the most inconsistent first, and the trend in sentences."""
    table = pd.DataFrame(report["pairs"])
    columns = ["error inconsistency", "agreement", "oracle", "ensemble", "gain over mean", "gain over better"]
    shown = table[["first", "second", "divergence", *columns, "kappa"]].sort_values(
        "error inconsistency", ascending=False
    )
    shown[columns] = (100 * shown[columns]).round(2)
    shown["kappa"] = shown["kappa"].round(3)
    legend = f"Percent of {report['images']:,} images of {report['split']}; gains in points."
    lines = [shown.to_string(index=False), "", legend]
    trend = report["trend"]
    if trend is not None:
        for level in trend["levels"]:
            lines.append(
                f"{level:17} {trend['pairs'][level]:4} pairs: "
                f"error inconsistency {100 * trend['inconsistency'][level]:.2f}%, "
                f"ensemble gain {100 * trend['gain'][level]:+.2f} points"
            )
        lines.append(
            f"Rank correlation of divergence with error inconsistency {trend['rank_correlation']:.2f} "
            f"(p = {trend['p_value']:.2g}), with ensemble gain {trend['gain_correlation']:.2f} "
            f"(p = {trend['gain_p_value']:.2g}), by permuting the models."
        )
    return "\n".join(lines) + "\n"


def _finite(value: Any) -> Any:
    # JSON has no numbers that are not finite.
    return None if isinstance(value, float) and not math.isfinite(value) else value
