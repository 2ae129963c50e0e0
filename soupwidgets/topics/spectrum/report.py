"""Spectra on the command line: the same numbers, in tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import pandas as pd

from soupwidgets.commands.inputs import tested_split
from soupwidgets.commands.reports import Report
from soupwidgets.evaluation import Evaluator
from soupwidgets.recipe import Recipe
from soupwidgets.suites import Split, Suite
from soupwidgets.topics.spectrum.frequency_table import frequency_trends, model_frequencies
from soupwidgets.topics.spectrum.image_paths import ImagePaths, image_paths, paths_to
from soupwidgets.topics.spectrum.image_spectrum import fourier_sensitivity, image_spectrum
from soupwidgets.topics.spectrum.sensitivity import Sensitivity, sensitivity, trend_sensitivity
from soupwidgets.topics.spectrum.treatment import STATISTIC_NAMES, Statistic, Treatment

SPECTRA_FORMAT, SENSITIVITY_FORMAT = "soupwidgets spectra of predictions 1", "soupwidgets spectrum sensitivity 1"


def drawn_paths(suite: Suite, where: Split, *, shifts: Sequence[str], **how: Any) -> list[ImagePaths]:
    """Paths within and between classes, and to shifts of the images; ``how`` as in `image_paths`.

    Raises
    ------
    ValueError
        When a shift does not exist, and as in `image_paths`.
    """
    others, classes = [tested_split(suite, name) for name in shifts], suite.class_names(where.name)
    return [
        image_paths(where, "within", classes=classes, **how),
        image_paths(where, "between", classes=classes, **how),
        *(paths_to(where, other, **how) for other in others),
    ]


def paths_report(
    ev: Evaluator,
    models: Sequence[str],
    *,
    split: str,
    paths: Sequence[ImagePaths],
    seed: int,
    treatment: Treatment,
    statistic: Statistic,
    progress: bool,
) -> Report:
    """One number by model and kind of path, with accuracies."""
    recipes = {name: Recipe({name: 1}) for name in models}
    found = model_frequencies(ev, recipes, paths, progress=progress, treatment=treatment)
    trends = frequency_trends(found, statistic) if len(found) > 3 else []
    unit = paths[0].unit
    digits = ".2f" if statistic == "centroid" else ".3g"
    rows = [
        {"model": model.name}
        | {
            kind: f"{c.value:{digits}} [{c.low:{digits}}, {c.high:{digits}}]"
            for kind, c in model.numbers(statistic).items()
        }
        | {f"{name}, %": f"{100 * value:.1f}" for name, value in model.evaluation.accuracy.items()}
        for model in found
    ]
    name = STATISTIC_NAMES[statistic].capitalize() + (f" in {unit}" if statistic == "centroid" else "")
    lines = [
        f"{name}, with 95% intervals ({treatment}).",
        pd.DataFrame(rows).to_string(index=False),
        *(
            f"{trend.paths}, against {trend.accuracy}: rank correlation {trend.correlation:+.2f} "
            f"(p = {trend.p_value:.3f}, {trend.models} models)"
            for trend in trends
        ),
    ]
    content = {"format": SPECTRA_FORMAT} | asdict(treatment) | {
        "unit": unit,
        "statistic": statistic,
        "split": split,
        "pairs": {one.description: len(one) for one in paths},
        "models": [
            {
                "model": model.name,
                "spectra": {
                    kind: {
                        "centroid": one.centroid, "power": one.power, "share": one.share, "frequency": one.frequency,
                        "density": one.mean, "low": one.band[0], "high": one.band[1],
                    }
                    for kind, one in model.spectra.items()
                },
                "accuracy": model.evaluation.accuracy,
            }
            for model in found
        ],
        "trends": trends,
        "provenance": _provenance(ev, models, paths, seed),
    }  # fmt: skip
    return Report(content, "\n".join(lines))


def sensitivity_report(ev: Evaluator, models: Sequence[str], paths: Sequence[ImagePaths], *, seed: int) -> Report:
    """What every treatment says of two models, or of how fast predictions of more of them change and of accuracy."""
    recipes = {name: Recipe({name: 1}) for name in models}
    found: list[Sensitivity] = []
    for one in paths:
        found += [sensitivity(ev, recipes, one)] if len(recipes) == 2 else trend_sensitivity(ev, recipes, one)
    text = "\n\n".join(f"{one.words}\n{one.to_frame().to_string(index=False)}" for one in found)
    content = {
        "format": SENSITIVITY_FORMAT, "models": list(models), "questions": found,
        "provenance": _provenance(ev, models, paths, seed),
    }  # fmt: skip
    return Report(content, text)


def _provenance(ev: Evaluator, models: Sequence[str], paths: Sequence[ImagePaths], seed: int) -> dict[str, Any]:
    """Which weights saw which images and which points of which paths: enough to tell whether numbers are still true."""
    return {
        "suite": ev.suite.name,
        "images": {name: split.content_hash for name, split in ev.suite.splits.items()},
        "checkpoints": {name: ev.pool.checkpoints[name].content_hash for name in models},
        "precision": ev.precision,
        "paths": [
            {
                "where": one.description, "number": len(one), "seed": seed, "points": len(one.split),
                "sha256": one.split.content_hash,
            }
            for one in paths
        ],
    }  # fmt: skip


def images_report(
    suite: Suite, ev: Evaluator | None, *, model: str | None, norm: float, images: int, progress: bool = True
) -> Report:
    """Power in a few rings by split, and the most and least harmful frequencies of a model."""
    spectra = [image_spectrum(split) for split in suite.splits.values()]
    rows = []
    for one in spectra:
        power = dict(zip(one.frequency, one.power, strict=True))
        rows.append({"split": one.split} | {f"{r} cycles": f"{power[r]:.1e}" for r in (1, 2, 4, 8, 12) if r in power})
    lines = [
        "Mean power of a Fourier coefficient by frequency (cycles per image).",
        pd.DataFrame(rows).to_string(index=False),
    ]
    content: dict[str, Any] = {"spectra": spectra}
    if ev is not None:
        name = model or ev.pool.zero_shot
        ev.pool.require([name])
        found = fourier_sensitivity(ev, Recipe({name: 1}), norm=norm, images=images, progress=progress)
        clean = found.clean_errors / found.images
        content["sensitivity"] = {
            "model": name, "split": found.split, "norm": norm, "images": found.images, "clean_error": clean,
            "frequency": found.frequency, "error": found.error,
        }  # fmt: skip
        (least, mild), *_, (most, harmful) = sorted(zip(found.error.tolist(), found.frequency.tolist(), strict=True))
        lines += [
            "",
            f"{name} on {found.split}: error {100 * clean:.1f}% on {found.images} unchanged images; with a wave of "
            f"norm {norm:g} from {100 * least:.1f}% at {tuple(mild)} to {100 * most:.1f}% at {tuple(harmful)} cycles "
            "(down, across).",
        ]
    return Report(content, "\n".join(lines))
