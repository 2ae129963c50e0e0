"""How differently models err, on the command line: the same numbers, in tables."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from soupwidgets.commands.reports import Report
from soupwidgets.store import Store
from soupwidgets.suites import Split, Suite
from soupwidgets.topics.diversity.imported_logits import import_member
from soupwidgets.topics.diversity.members import Member, open_members
from soupwidgets.topics.diversity.pairs import DivergenceTrend, divergence_trend
from soupwidgets.topics.diversity.pairs import matrix as diversity_matrix


def given_members(
    pools: Sequence[str], suite: Suite, where: Split, *, logits: Sequence[str] | None, store: Path | None, **how: Any
) -> list[Member]:
    """Models that a command is given: checkpoints (``how`` as in `open_members`), and models known by their logits."""
    kept = Store(store) if store else None
    models = open_members(pools, suite, splits=[where.name], store=kept, **how) if pools else []
    return models + imported_members(logits or [], suite)


def imported_members(logits: Sequence[str], suite: Suite) -> list[Member]:
    """Models known only by their logits.

    Parameters
    ----------
    logits
        ``NAME:SPLIT=FILE``, one entry per split.

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


def diversity_report(models: Sequence[Member], suite: Suite, where: Split, *, progress: bool = True) -> Report:
    """Compare all pairs of models: a table, the most inconsistent first, and the trend in sentences."""
    matrix = diversity_matrix(models, suite, split=where.name, progress=progress)
    table = matrix.to_frame()
    trend = divergence_trend(matrix) if len({pair.divergence for pair in matrix.pairs}) > 1 else None
    columns = ["error inconsistency", "agreement", "oracle", "ensemble", "gain over mean", "gain over better"]
    shown = table[["first", "second", "divergence", *columns, "kappa"]].sort_values(
        "error inconsistency", ascending=False
    )
    shown[columns] = (100 * shown[columns]).round(2)
    shown["kappa"] = shown["kappa"].round(3)
    legend = f"Percent of {len(where):,} images of {where.name}; gains in points."
    lines = [shown.to_string(index=False), "", legend, *(_trend(trend) if trend else [])]
    content = {"split": where.name, "images": len(where), "models": matrix.names, "pairs": table.to_dict("records")}
    return Report(content | {"trend": trend}, "\n".join(lines))


def _trend(trend: DivergenceTrend) -> list[str]:
    by_level = [
        f"{level:17} {trend.pairs[level]:4} pairs: error inconsistency {100 * trend.inconsistency[level]:.2f}%, "
        f"ensemble gain {100 * trend.gain[level]:+.2f} points"
        for level in trend.levels
    ]
    return [
        *by_level,
        f"Rank correlation of divergence with error inconsistency {trend.rank_correlation:.2f} "
        f"(p = {trend.p_value:.2g}), with ensemble gain {trend.gain_correlation:.2f} "
        f"(p = {trend.gain_p_value:.2g}), by permuting the models.",
    ]
