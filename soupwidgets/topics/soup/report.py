"""Soups on the command line: make one by name, write it, and say what came out."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from soupwidgets.evaluation import Evaluator
from soupwidgets.methods import SoupMethod, check_soup
from soupwidgets.mixing import check_target, save_mixture
from soupwidgets.pool import Pool, SoupWarning
from soupwidgets.recipe import Recipe
from soupwidgets.stats.metrics import METRIC_WORDS, shown


def make_soup(
    method: SoupMethod,
    pool: Pool,
    ev: Evaluator | None,
    out: Path,
    ingredients: Sequence[str] | None = None,
    options: Mapping[str, Any] | None = None,
    progress: bool = False,
    overwrite: bool = False,
) -> dict[str, Any]:
    """Make a soup and write it to ``out``.

    Parameters
    ----------
    ingredients
        Names, in order; the pool's fine-tuned models when None.

    Returns
    -------
    dict
        Plain values: method, file, recipe (where there is one), trace of the
        choice, scores by split, and what is odd about it.

    Raises
    ------
    ValueError
        When the method needs a suite and there is none, the file cannot be written, or as the method says.
    PoolError, CheckpointError
        As the method says.
    """
    options = options or {}
    method.require(ev, out, options)
    _refuse_early(out)
    check_target(pool, [], out, overwrite=overwrite)
    report: dict[str, Any] = {
        "method": method.name,
        "file": str(out),
        "offered": len(ingredients or pool.fine_tuned),
    }
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", SoupWarning)
        made = method.make(
            pool, ingredients or None, ev=ev, path=out, progress=progress, overwrite=overwrite, **options
        )
        recipe = made.recipe
        report |= made.trace
        if recipe is not None:
            report["recipe"] = dict(recipe)
            if recipe.by_tensor:
                report["by_tensor"] = recipe.by_tensor
        if ev is not None:
            report |= _measure(ev, recipe, out)
        odd: list[str] = []
        if recipe is not None:
            if ev is None:
                save_mixture(pool, recipe, out, progress=progress, overwrite=overwrite)
            else:
                ev.save(recipe, out, progress=progress, overwrite=overwrite)
                # What was made without a look at images is looked at now.
                odd += [] if method.uses_images else check_soup(ev, recipe)
    said = [str(warning.message) for warning in caught if issubclass(warning.category, SoupWarning)]
    report["advice"] = list(dict.fromkeys([*said, *odd]))
    return report


def _refuse_early(out: Path) -> None:
    """What can be known before hours of work: that a folder is in the way, or that nothing can be written there."""
    if out.is_dir():
        raise ValueError(f"{out}: is a folder; name the file that the soup is to be written to")
    folder = next(one for one in out.absolute().parents if one.exists() or one.is_symlink())
    if not folder.is_dir():
        raise ValueError(f"{out}: cannot be written, because {folder} is no folder")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise ValueError(f"{out}: cannot be written, because nothing may be written in {folder}")


def _measure(ev: Evaluator, recipe: Recipe | None, out: Path) -> dict[str, Any]:
    if recipe is None:
        # What no recipe expresses is measured as the checkpoint that it now is.
        pool = Pool.open([out])
        ev = ev.with_pool(pool)
        recipe = Recipe({pool.names[0]: 1})
    evaluation = ev.evaluate(recipe)
    found: dict[str, Any] = {"splits": {record["split"]: record for record in evaluation.to_records()}}
    if any(score.role == "shift" for score in evaluation.scores.values()):
        low, high = evaluation.shift_interval
        found["mean_ood"] = {"accuracy": evaluation.shift_accuracy, "low": low, "high": high}
    return found


def to_text(report: dict[str, Any]) -> str:
    """The report for people."""
    lines = []
    metric = report.get("metric", "accuracy")
    words = METRIC_WORDS.get(metric, "accuracy")
    for step in report.get("steps", []):
        bound = "" if step["exact"] else "at most "
        verdict = "taken" if step["accepted"] else "left out"
        score = shown(metric, step["accuracy"])
        lines.append(f"{step['candidate']}: validation {words} {bound}{score} with it, {verdict}")
    if report.get("steps") and report["tie_order"] == "released":
        lines.append("of candidates with one score the last listed was tried first, as in the released script")
    if report.get("steps"):
        lines.append(f"the verdicts took {report['share_of_passes']:.0%} of the plain algorithm's image passes")
    for tried in report.get("scales", []):
        lines.append(f"scale {tried['scale']:.4g}: validation {words} {shown(metric, tried['score'])}")
    if "scale" in report:
        lines.append(
            f"scale of the task vectors: {report['scale']:g}" + (", the best of these" if "scales" in report else "")
        )
    if "alphas" in report:
        alphas = ", ".join(f"{alpha:g}" for alpha in report["alphas"])
        lines.append(f"alpha of each group, the first layers first: {alphas}, the best of {len(report['tried'])} tried")
    what = "entropy" if metric == "entropy" else "loss"
    for i, epoch in enumerate(report.get("epochs", []), 1):
        right = "" if epoch["accuracy"] is None else f", accuracy {epoch['accuracy']:.2%}"
        lines.append(f"epoch {i}: {what} {epoch['loss']:.4f}{right}{_judged(epoch)}")
    if "taken_because" in report:
        lines.append(report["taken_because"])
    recipe = report.get("recipe", {})
    if recipe:
        largest = sorted(recipe.items(), key=lambda item: -item[1])[:8]
        more = f", and {len(recipe) - len(largest)} more" if len(recipe) > len(largest) else ""
        lines.append("coefficients: " + ", ".join(f"{name} {value:.3g}" for name, value in largest) + more)
    lines += [f"note: {advice}" for advice in report["advice"]]
    made = f"{len(recipe)} checkpoints mixed" if recipe else f"{report['offered']} checkpoints merged"
    scores = report.get("splits", {})
    metrics = {score.get("metric", "accuracy") for score in scores.values()}
    # Of one metric its name is said once.
    one = METRIC_WORDS.get(next(iter(metrics)), "accuracy") if len(metrics) == 1 else ""
    found = ", ".join(_score(name, score, bool(one)) for name, score in scores.items())
    head = f"{one[:1].upper()}{one[1:]}: " if one else ""
    lines.append(f"{report['file']}: {report['method']}, {made}." + (f" {head}{found}" if scores else ""))
    return "\n".join(lines) + "\n"


def _judged(epoch: Mapping[str, Any]) -> str:
    if "judged" not in epoch:
        return ""
    found = epoch["judged"]
    right = "" if found["accuracy"] is None else f", accuracy {found['accuracy']:.2%}"
    return f"; held-out images: loss {found['loss']:.4f}{right}"


def _score(name: str, score: Mapping[str, Any], bare: bool) -> str:
    metric = score.get("metric", "accuracy")
    words = "" if bare else f"{METRIC_WORDS.get(metric, metric)} "
    return f"{name} {words}{shown(metric, score['accuracy'])}"
