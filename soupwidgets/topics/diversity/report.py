"""How differently models err, on the command line: the same numbers, in tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import pandas as pd

from soupwidgets.commands.reports import Report
from soupwidgets.store import Store
from soupwidgets.suites import Split, Suite
from soupwidgets.topics.diversity.combining import Combination
from soupwidgets.topics.diversity.imported_logits import import_member
from soupwidgets.topics.diversity.matrices import matrix as diversity_matrix
from soupwidgets.topics.diversity.members import Member
from soupwidgets.topics.diversity.opening import open_members
from soupwidgets.topics.diversity.representations import CombinedFeatures, combined_features
from soupwidgets.topics.diversity.single_helpers import HelperGain, helper_gains
from soupwidgets.topics.diversity.specialists import ClassSpecialist, class_specialists
from soupwidgets.topics.diversity.trend import DivergenceTrend, divergence_trend


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


def trainings_of(entries: Sequence[str]) -> dict[str, dict[str, str]]:
    """What ``NAME:LEVEL=WORDS`` says of how models were trained, for `stated_training`; raises ValueError."""
    stated: dict[str, dict[str, str]] = {}
    for entry in entries:
        name, colon, rest = entry.rpartition(":")
        level, equals, words = rest.partition("=")
        if not (name and colon and level and equals and words):
            raise ValueError(f"--training {entry}: expected NAME:LEVEL=WORDS")
        stated.setdefault(name, {})[level] = words
    return stated


def superclasses_of(entries: Sequence[str]) -> dict[str, list[str]]:
    """The classes of superclasses given as ``NAME=CLASS,CLASS``; raises ValueError."""
    found: dict[str, list[str]] = {}
    for entry in entries:
        name, equals, classes = entry.partition("=")
        if not (name and equals and classes):
            raise ValueError(f"--superclass {entry}: expected NAME=CLASS,CLASS")
        found[name] = classes.split(",")
    return found


def diversity_report(
    models: Sequence[Member],
    suite: Suite,
    where: Split,
    *,
    combine: Combination = "calibrated logits",
    base: str | None = None,
    superclasses: Mapping[str, Sequence[str]] | None = None,
    probe: bool = False,
    progress: bool = True,
) -> Report:
    """Compare all pairs of models: a table, the most inconsistent first, and the trend in sentences.

    With a base, also what each other model adds to it, on which superclasses either is better, and what linear probes
    read from the features of both.
    """
    if base is None and (superclasses or probe):
        raise ValueError("--superclass and --probe compare a model with each other one: name it with --base")
    if base is not None and base not in [one.name for one in models]:
        raise ValueError(f"--base {base}: no such model; there are {', '.join(one.name for one in models)}")
    matrix = diversity_matrix(models, suite, split=where.name, combine=combine, progress=progress)
    table = matrix.to_frame()
    pairs = [pair for pair in matrix.pairs if base is None or base in (pair.first, pair.second)]
    trend = divergence_trend(matrix, base=base) if len({pair.divergence for pair in pairs}) > 1 else None
    columns = ["error inconsistency", "agreement", "oracle", "ensemble", "gain over mean", "gain over better"]
    shown = table[["first", "second", "divergence", *columns, "error consistency", "kappa"]].sort_values(
        "error inconsistency", ascending=False
    )
    shown[columns] = (100 * shown[columns]).round(2)
    shown[["error consistency", "kappa"]] = shown[["error consistency", "kappa"]].round(3)
    legend = f"Percent of {len(where):,} images of {where.name}; gains in points; ensembles of {combine}."
    lines = [shown.to_string(index=False), "", legend, *(_trend(trend) if trend else [])]
    content: dict[str, Any] = {
        "split": where.name, "images": len(where), "models": matrix.names, "combine": combine,
        "pairs": table.to_dict("records"), "trend": trend,
    }  # fmt: skip
    if base is not None:
        strong = next(one for one in models if one.name == base)
        others = [one for one in models if one is not strong]
        gains = helper_gains(strong, others, suite, where.name, combine=combine)
        lines += ["", f"What one more model adds to {base}:", *map(_gain, gains)]
        content |= {"base": base, "helpers": [_without_images(one) for one in gains]}
        if superclasses:
            compared = {
                one.name: class_specialists(strong, one, suite, where.name, superclasses=superclasses) for one in others
            }
            lines += ["", *(line for name, found in compared.items() for line in _superclasses(base, name, found))]
            content["superclasses"] = compared
        if probe:
            read = [combined_features(strong, one, suite, splits=[where.name]) for one in others if one.run is not None]
            frames = pd.concat([one.to_frame() for one in read]) if read else pd.DataFrame()
            lines += ["", *(line for one in read for line in _probes(one, where.name))]
            content["features"] = frames.to_dict("records")
    return Report(content, "\n".join(lines))


def _without_images(one: HelperGain) -> dict[str, Any]:
    return {field.name: getattr(one, field.name) for field in fields(one) if field.name != "right"}


def _gain(one: HelperGain) -> str:
    low, high = one.test.interval
    return (
        f"{one.name:16} ({one.divergence}, {one.alone:.1%} alone) {100 * one.test.difference:+.2f} points "
        f"[{100 * low:+.2f}, {100 * high:+.2f}], q = {one.q_value:.2g}"
    )


def _superclasses(base: str, name: str, found: Sequence[ClassSpecialist]) -> list[str]:
    return [
        f"{name} against {base}, {one.name} ({one.images:,} images): {100 * one.test.difference:+.2f} points "
        f"[{100 * one.test.interval[0]:+.2f}, {100 * one.test.interval[1]:+.2f}], q = {one.q_value:.2g}"
        for one in found
    ]


def _probes(found: CombinedFeatures, split: str) -> list[str]:
    read = ", ".join(f"{one.name} {one.right[split].mean():.2%}" for one in found.readings)
    return [f"Read from the features of {found.first} and {found.second}: {read}.", f"  {found.answer(split)}"]


def _trend(trend: DivergenceTrend) -> list[str]:
    by_level = [
        f"{level:17} {trend.pairs[level]:4} pairs: error inconsistency {100 * trend.inconsistency[level]:.2f}%, "
        f"error consistency {trend.consistency[level]:.3f}, ensemble gain {100 * trend.gain[level]:+.2f} points over "
        f"the mean, {100 * trend.better_gain[level]:+.2f} over the better"
        for level in trend.levels
    ]
    return [
        *by_level,
        f"Rank correlation of divergence with error inconsistency {trend.rank_correlation:.2f} "
        f"(p = {trend.p_value:.2g}), with error consistency {trend.consistency_correlation:.2f} "
        f"(p = {trend.consistency_p_value:.2g}), with the gain over the mean {trend.gain_correlation:.2f} "
        f"(p = {trend.gain_p_value:.2g}), over the better {trend.better_gain_correlation:.2f} "
        f"(p = {trend.better_gain_p_value:.2g}), by permuting the models.",
    ]
