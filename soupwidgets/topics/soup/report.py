"""Soups on the command line: make one by name, write it, and say what came out."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from soupwidgets import methods
from soupwidgets.evaluation import Evaluator
from soupwidgets.evaluation.metrics import METRIC_WORDS
from soupwidgets.methods.check import worse_than_best
from soupwidgets.methods.greedy import TieOrder
from soupwidgets.methods.uniform import chosen_ingredients
from soupwidgets.mixing import check_target, save_mixture
from soupwidgets.pool import Pool, SoupWarning
from soupwidgets.recipe import Recipe

Trace = dict[str, Any]


@dataclass(frozen=True)
class SoupOptions:
    """What the methods take; each takes its own and leaves the rest."""

    ingredients: list[str] | None = None
    strict: bool = False
    seed: int | None = None
    scale: float | None = None
    density: float = 0.2
    drop: float = 0.9
    alpha: float = 0.5
    decay: float = 0.9
    last: int = 5
    progress: bool = False
    tie_order: TieOrder = "name"
    overwrite: bool = False

    @property
    def _given_scale(self) -> dict[str, Any]:
        return {} if self.scale is None else {"scale": self.scale}

    @property
    def _given_seed(self) -> dict[str, Any]:
        return {} if self.seed is None else {"seed": self.seed}


def _greedy(ev: Evaluator, o: SoupOptions) -> tuple[Recipe, Trace]:
    made = methods.greedy_soup(
        ev, o.ingredients, strict=o.strict, seed=o.seed, tie_order=o.tie_order, progress=o.progress
    )
    return made.recipe, made.to_json()


def _learned(ev: Evaluator, o: SoupOptions, by: Any) -> tuple[Recipe, Trace]:
    made = methods.learned_soup(ev, o.ingredients, by=by, progress=o.progress, **o._given_seed)
    return made.recipe, made.to_json()


def _arithmetic(ev: Evaluator, o: SoupOptions) -> tuple[Recipe, Trace]:
    if o.scale is None:
        made = methods.scaled_arithmetic(ev, o.ingredients)
        return made.recipe, made.to_json()
    recipe = methods.task_arithmetic(ev.pool, o.ingredients, o.scale)
    advice = worse_than_best(ev, recipe, chosen_ingredients(ev.pool, o.ingredients))
    return recipe, {"scale": o.scale, "odd": [advice] if advice else []}


def _two(pool: Pool, o: SoupOptions) -> tuple[str, str]:
    names = o.ingredients or pool.fine_tuned
    if len(names) != 2:
        raise ValueError(f"slerp goes from one model to another: name two with --ingredient, not {len(names)}")
    return names[0], names[1]


# What asks for measurements; what needs the weights alone; what goes straight to a file.
_MEASURED: dict[str, Callable[[Evaluator, SoupOptions], tuple[Recipe, Trace]]] = {
    "greedy": _greedy,
    "learned": lambda ev, o: _learned(ev, o, "model"),
    "learned-by-layer": lambda ev, o: _learned(ev, o, "layer"),
    "arithmetic": _arithmetic,
}
# These cannot choose without images; the others of the above then do what asks for none.
_NEED_IMAGES = ("greedy", "learned", "learned-by-layer", "fisher")
_PLAIN: dict[str, Callable[[Pool, SoupOptions], Recipe]] = {
    "uniform": lambda pool, o: methods.uniform_soup(pool, o.ingredients),
    "stock": lambda pool, o: methods.model_stock(pool, o.ingredients),
    "arithmetic": lambda pool, o: methods.task_arithmetic(pool, o.ingredients, o.scale),
    "lines": lambda pool, o: methods.lines(pool, methods.uniform_soup(pool, o.ingredients)),
    "wise-ft": lambda pool, o: methods.wise_ft(pool, methods.uniform_soup(pool, o.ingredients), o.alpha),
    "slerp": lambda pool, o: methods.slerp(pool, *_two(pool, o), o.alpha),
    "ema": lambda pool, o: methods.ema(pool, o.ingredients or pool.fine_tuned, o.decay),
    "swa": lambda pool, o: methods.swa(pool, o.ingredients or pool.fine_tuned),
    "lawa": lambda pool, o: methods.lawa(pool, o.ingredients or pool.fine_tuned, o.last),
}
_WRITTEN: dict[str, Callable[[Pool, Path, SoupOptions], Path]] = {
    "ties": lambda pool, out, o: methods.ties(
        pool, out, o.ingredients, density=o.density, progress=o.progress, overwrite=o.overwrite, **o._given_scale
    ),
    "dare": lambda pool, out, o: methods.dare(
        pool,
        out,
        o.ingredients,
        drop=o.drop,
        progress=o.progress,
        overwrite=o.overwrite,
        **o._given_scale,
        **o._given_seed,
    ),
}


def make_soup(method: str, pool: Pool, ev: Evaluator | None, out: Path, options: SoupOptions) -> dict[str, Any]:
    """Make a soup and write it to ``out``.

    Parameters
    ----------
    method
        As the command line names it.
    pool
        The checkpoints.
    ev
        Chooses and measures; None where there is no suite.
    out
        The file.
    options
        For the method.

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
    if ev is None and method in _NEED_IMAGES:
        raise ValueError(f"{method} looks at validation images: name a suite with --suite")
    _refuse_early(out)
    check_target(pool, [], out, options.overwrite)
    report: dict[str, Any] = {
        "method": method,
        "file": str(out),
        "offered": len(options.ingredients or pool.fine_tuned),
    }
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", SoupWarning)
        recipe: Recipe | None = None
        if method == "fisher" and ev is not None:
            methods.fisher_soup(
                ev,
                out,
                options.ingredients,
                progress=options.progress,
                overwrite=options.overwrite,
                **options._given_seed,
            )
        elif method in _WRITTEN:
            _WRITTEN[method](pool, out, options)
        elif method in _MEASURED and ev is not None:
            recipe, trace = _MEASURED[method](ev, options)
            report |= trace
        else:
            recipe = _PLAIN[method](pool, options)
        if recipe is not None:
            report["recipe"] = dict(recipe)
            if recipe.by_tensor:
                report["by_tensor"] = recipe.by_tensor
        if ev is not None:
            report |= _measure(ev, recipe, out)
        if recipe is not None:
            if ev is not None:
                ev.save(recipe, out, options.progress, options.overwrite)
            else:
                save_mixture(pool, recipe, out, progress=options.progress, overwrite=options.overwrite)
        odd = report.pop("odd", [])
        if method == "arithmetic" and ev is None and options.scale is None:
            odd.append(
                "without a suite no scale can be chosen: 1 / N was taken, which is the uniform soup. Name a suite "
                "with --suite to choose one by its validation images, or a scale with --scale"
            )
        odd += list(methods.check_soup(ev, recipe)) if ev is not None and method == "uniform" and recipe else []
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
        if pool.architecture_card is None:
            # A state dict of torch.save has no card to name the architecture on.
            return {}
        ev, recipe = Evaluator(pool, ev.suite, str(ev.device), ev.store), Recipe({pool.names[0]: 1})
    evaluation = ev.evaluate(recipe)
    found: dict[str, Any] = {"splits": {record["split"]: record for record in evaluation.to_records()}}
    if any(score.role == "shift" for score in evaluation.scores.values()):
        low, high = evaluation.shift_interval
        found["mean_ood"] = {"accuracy": evaluation.shift_accuracy, "low": low, "high": high}
    return found


def to_text(report: dict[str, Any]) -> str:
    """The report for people.

    Parameters
    ----------
    report
        From `make_soup`.
    """
    lines = []
    words = METRIC_WORDS.get(report.get("metric", "accuracy"), "accuracy")
    for step in report.get("steps", []):
        bound = "" if step["exact"] else "at most "
        verdict = "taken" if step["accepted"] else "left out"
        lines.append(f"{step['candidate']}: validation {words} {bound}{100 * step['accuracy']:.2f} with it, {verdict}")
    if report.get("steps") and report["tie_order"] == "released":
        lines.append("of candidates with one score the last listed was tried first, as in the released script")
    if report.get("steps"):
        lines.append(f"the verdicts took {report['share_of_passes']:.0%} of the plain algorithm's image passes")
    for tried in report.get("scales", []):
        lines.append(f"scale {tried['scale']:.4g}: validation {words} {100 * tried['score']:.2f}")
    if "scale" in report:
        lines.append(
            f"scale of the task vectors: {report['scale']:g}" + (", the best of these" if "scales" in report else "")
        )
    for i, epoch in enumerate(report.get("epochs", []), 1):
        lines.append(f"epoch {i}: loss {epoch['loss']:.4f}, accuracy {100 * epoch['accuracy']:.2f}")
    recipe = report.get("recipe", {})
    if recipe:
        shown = sorted(recipe.items(), key=lambda item: -item[1])[:8]
        more = f", and {len(recipe) - len(shown)} more" if len(recipe) > len(shown) else ""
        lines.append("coefficients: " + ", ".join(f"{name} {value:.3g}" for name, value in shown) + more)
    lines += [f"note: {advice}" for advice in report["advice"]]
    what = f"{len(recipe)} checkpoints mixed" if recipe else f"{report['offered']} checkpoints merged"
    scores = report.get("splits", {})
    accuracies = ", ".join(f"{name} {100 * score['accuracy']:.2f}" for name, score in scores.items())
    lines.append(
        f"{report['file']}: {report['method']}, {what}." + (f" Accuracy in percent: {accuracies}" if scores else "")
    )
    return "\n".join(lines) + "\n"
