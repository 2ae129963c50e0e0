"""Spectra on the command line: the same numbers, in tables."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pandas as pd

from soupwidgets.evaluation import Evaluator
from soupwidgets.recipe import Recipe
from soupwidgets.suites import Suite
from soupwidgets.topics.spectrum.frequency_table import frequency_trends, model_frequencies
from soupwidgets.topics.spectrum.image_paths import image_paths, paths_to
from soupwidgets.topics.spectrum.image_spectrum import fourier_sensitivity, image_spectrum
from soupwidgets.topics.spectrum.path_spectrum import Detrend, Values, Window


def paths_report(
    ev: Evaluator,
    models: list[str],
    *,
    shifts: list[str],
    split: str | None = None,
    pairs: int = 200,
    samples: int = 64,
    step: float | None = None,
    values: Values = "probabilities",
    seed: int = 0,
    progress: bool = True,
    window: Window = "hann",
    detrend: Detrend = "linear",
) -> dict[str, Any]:
    """Spectra within and between classes, and to shifts, of several models, as plain values.

    Raises
    ------
    ValueError
        When a split does not exist, and as in `image_paths`.
    """
    ev.pool.require(models)
    for name in [*shifts, *([split] if split else [])]:
        if name not in ev.suite.splits:
            raise ValueError(f"the suite has no split {name!r}; it has {', '.join(ev.suite.splits)}")
    where = ev.suite.splits[split] if split else ev.suite.id_test
    classes = ev.suite.class_names(where.name)
    paths = [
        image_paths(where, "within", pairs, samples, step=step, seed=seed, classes=classes),
        image_paths(where, "between", pairs, samples, step=step, seed=seed, classes=classes),
        *(paths_to(where, ev.suite.splits[name], pairs, samples, step=step, seed=seed) for name in shifts),
    ]
    found = model_frequencies(
        ev,
        {name: Recipe({name: 1}) for name in models},
        paths,
        values=values,
        progress=progress,
        window=window,
        detrend=detrend,
    )
    return {
        "values": values,
        "unit": paths[0].unit,
        "window": window,
        "detrend": detrend,
        "split": where.name,
        "pairs": {one.description: len(one) for one in paths},
        "models": [
            {
                "model": model.name,
                "spectra": {
                    kind: {
                        "centroid": asdict(one.centroid),
                        "power": asdict(one.power),
                        "frequency": one.frequency.tolist(),
                        "density": one.mean.tolist(),
                        "low": one.band[0].tolist(),
                        "high": one.band[1].tolist(),
                    }
                    for kind, one in model.spectra.items()
                },
                "accuracy": model.evaluation.accuracy,
            }
            for model in found
        ],
        "trends": [asdict(trend) for trend in frequency_trends(found)] if len(found) > 3 else [],
    }


def paths_text(report: dict[str, Any]) -> str:
    """A table: mean frequency by model and kind of path, with accuracies."""
    rows = []
    for model in report["models"]:
        row: dict[str, object] = {"model": model["model"]}
        for kind, one in model["spectra"].items():
            c = one["centroid"]
            row[kind] = f"{c['value']:.2f} [{c['low']:.2f}, {c['high']:.2f}]"
        row |= {f"{name}, %": f"{100 * value:.1f}" for name, value in model["accuracy"].items()}
        rows.append(row)
    lines = [
        f"Mean frequency of {report['values']} in {report['unit']}, with 95% intervals "
        f"(window: {report['window']}; trend subtracted: {report['detrend']}).\n"
    ]
    lines.append(pd.DataFrame(rows).to_string(index=False) + "\n")
    for trend in report["trends"]:
        lines.append(
            f"{trend['paths']}, against {trend['accuracy']}: rank correlation {trend['correlation']:+.2f} "
            f"(p = {trend['p_value']:.3f}, {trend['models']} models)\n"
        )
    return "".join(lines)


def images_report(
    suite: Suite, ev: Evaluator | None, *, model: str | None, norm: float, images: int, progress: bool = True
) -> dict[str, Any]:
    """Power spectra of every split's images, and a model's sensitivity to each frequency, as plain values."""
    spectra = [image_spectrum(split) for split in suite.splits.values()]
    report: dict[str, Any] = {
        "spectra": [
            {
                "split": one.split, "images": one.images, "frequency": one.frequency.tolist(),
                "power": one.power.tolist(), "low": one.low.tolist(), "high": one.high.tolist(),
            }
            for one in spectra
        ]
    }  # fmt: skip
    if ev is not None:
        name = model or ev.pool.zero_shot
        ev.pool.require([name])
        found = fourier_sensitivity(ev, Recipe({name: 1}), norm=norm, images=images, progress=progress)
        report["sensitivity"] = {
            "model": name, "split": found.split, "norm": norm, "images": found.images,
            "clean_error": found.clean_errors / found.images, "frequency": found.frequency.tolist(),
            "error": found.error.tolist(),
        }  # fmt: skip
    return report


def images_text(report: dict[str, Any]) -> str:
    """Tables: power in a few rings by split, and the most and least harmful frequencies."""
    rings = (1, 2, 4, 8, 12)
    rows = []
    for one in report["spectra"]:
        power = dict(zip(one["frequency"], one["power"], strict=True))
        rows.append({"split": one["split"], **{f"{r} cycles": f"{power[r]:.1e}" for r in rings if r in power}})
    lines = ["Mean power of a Fourier coefficient by frequency (cycles per image).\n"]
    lines.append(pd.DataFrame(rows).to_string(index=False) + "\n")
    found = report.get("sensitivity")
    if found:
        order = sorted(zip(found["error"], found["frequency"], strict=True))
        lines.append(
            f"\n{found['model']} on {found['split']}: error {100 * found['clean_error']:.1f}% on {found['images']} "
            f"unchanged images; with a wave of norm {found['norm']:g} from {100 * order[0][0]:.1f}% at "
            f"{tuple(order[0][1])} to {100 * order[-1][0]:.1f}% at {tuple(order[-1][1])} cycles (down, across).\n"
        )
    return "".join(lines)
