"""The frontier: every measured model as a point of ID accuracy and accuracy under shift."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from soupwidgets.evaluation import Evaluation, Evaluator, fill_intervals
from soupwidgets.pool import Pool, PoolError
from soupwidgets.recipe import Recipe
from soupwidgets.stats.metrics import METRICS
from soupwidgets.topics.frontier.point import FrontierPoint
from soupwidgets.topics.frontier.point import point as frontier_point
from soupwidgets.topics.frontier.worst import by_worst_class, with_worst_slice

if TYPE_CHECKING:
    import pandas as pd

Kind = Literal["zero-shot", "fine-tuned", "bad ingredient", "WiSE-FT", "soup", "mixture", "ensemble", "published"]
_OF_ROLE: dict[str, Kind] = {
    "zero_shot": "zero-shot",
    "fine_tuned": "fine-tuned",
    "bad_ingredient": "bad ingredient",
    # The bend of a curve, or a step in a random direction: it can be measured, but is not a trained model.
    "landmark": "mixture",
}
_TOLERANCE = 1e-9


@dataclass(frozen=True)
class FrontierModel:
    """One model of a frontier.

    Parameters
    ----------
    name
        A name that is unique in the frontier.
    kind
        The kind of model.
    evaluation
        Its scores; the recipe says how it was made.
    hyperparameters
        How it was fine-tuned, if known.
    alpha, fine_tuned
        For WiSE-FT: the position between the zero-shot model (0) and this fine-tuned one (1).
    """

    name: str
    kind: Kind
    evaluation: Evaluation
    hyperparameters: Mapping[str, Any] = field(default_factory=dict)
    alpha: float | None = None
    fine_tuned: str | None = None


@dataclass(frozen=True)
class Frontier:
    """Models on common splits.

    Parameters
    ----------
    models
        In drawing order.
    shifts
        Names of the distribution shifts on which all of them were measured.
    """

    models: tuple[FrontierModel, ...]
    shifts: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.models)

    def __getitem__(self, name: str) -> FrontierModel:
        return self._by_name[name]

    @cached_property
    def higher_is_better(self) -> bool:
        """The direction of what the models are scored by."""
        scored = {score.metric for model in self.models[:1] for score in model.evaluation.scores.values()}
        return all(METRICS[name].higher_is_better for name in scored if name in METRICS)

    @cached_property
    def _by_name(self) -> dict[str, FrontierModel]:
        return {model.name: model for model in self.models}

    @cached_property
    def _points(self) -> dict[str | None, dict[str, FrontierPoint]]:
        return {}

    def points(self, shift: str | None = None) -> dict[str, FrontierPoint]:
        """The point of each model: its ID accuracy, and its accuracy on one shift or the mean over all of them.

        Raises
        ------
        KeyError
            When a model was not measured there.
        """
        if shift not in self._points:
            fill_intervals(score for model in self.models for score in model.evaluation.scores.values())
            self._points[shift] = {model.name: frontier_point(model.evaluation, shift) for model in self.models}
        return self._points[shift]

    def pareto(self, shift: str | None = None) -> list[str]:
        """Models that no other one beats, that is, none is at least as good on both axes and better on one.

        Returns
        -------
        list[str]
            Names, from the worst in distribution to the best. The best models on test images are found by
            looking at test images: the set describes what was measured and must not be used to select a model.
        """
        points = self.points(shift)
        sign = 1.0 if self.higher_is_better else -1.0
        ranked = sorted(points, key=lambda name: (-sign * points[name].id, -sign * points[name].ood))
        kept: list[str] = []
        highest = -np.inf
        for name in ranked:
            point = points[name]
            # Exact equals of a kept model are not beaten by it.
            equal = bool(kept) and (point.id, point.ood) == (points[kept[-1]].id, points[kept[-1]].ood)
            if sign * point.ood > highest or equal:
                kept.append(name)
                highest = max(highest, sign * point.ood)
        return kept[::-1]

    def curves(self) -> dict[str, list[FrontierModel]]:
        """Fine-tuned models that have WiSE-FT models, each with these and both ends, by increasing alpha."""
        zero_shot = next((m for m in self.models if m.kind == "zero-shot"), None)
        between: dict[str, list[FrontierModel]] = {}
        for model in self.models:
            if model.kind == "WiSE-FT" and model.fine_tuned is not None:
                between.setdefault(model.fine_tuned, []).append(model)
        found = {}
        for name, models in between.items():
            ends = ([zero_shot] if zero_shot else []) + ([self._by_name[name]] if name in self._by_name else [])
            place = {id(zero_shot): 0.0}
            found[name] = sorted([*models, *ends], key=lambda m: place.get(id(m), 1.0 if m.alpha is None else m.alpha))
        return found

    def to_frame(self) -> pd.DataFrame:
        """One row per model: kind, accuracies with intervals (0..1), and the recipe."""
        import pandas as pd

        means = self.points() if self.shifts else {}
        rows = []
        for model in self.models:
            row: dict[str, Any] = {"model": model.name, "kind": model.kind, "alpha": model.alpha}
            for record in model.evaluation.to_records():
                split = record["split"]
                row |= {split: record["accuracy"], f"{split} low": record["low"], f"{split} high": record["high"]}
            if model.name in means:
                low, high = means[model.name].ood_interval
                row |= {"mean OOD": means[model.name].ood, "mean OOD low": low, "mean OOD high": high}
            row |= {f"hyper-parameter {name}": value for name, value in model.hyperparameters.items()}
            rows.append({**row, "recipe": model.evaluation.recipe.to_json()})
        return pd.DataFrame(rows)


def differing(hyperparameters: Iterable[Mapping[str, Any]]) -> list[str]:
    """Names of hyper-parameters of which there are two values at least.

    Examples
    --------
    >>> differing([{"epochs": 4, "seed": 0}, {"epochs": 8, "seed": 0}])
    ['epochs']
    """
    values: dict[str, set[str]] = {}
    for known in hyperparameters:
        for name, value in known.items():
            if isinstance(value, str | int | float):
                values.setdefault(name, set()).add(str(value))
    return sorted(name for name, seen in values.items() if len(seen) > 1)


def models(
    ev: Evaluator,
    ensembles: Iterable[Evaluation] = (),
    *,
    evaluations: Sequence[Evaluation] | None = None,
    worst_class: bool = False,
) -> Frontier:
    """Every recipe that has been measured on all splits so far, in any notebook that uses this store.

    First come checkpoints in the pool's order, then WiSE-FT, then soups and other mixtures. Of a suite with two slices
    or more, ``"worst slice"`` is another shift to ask for.

    Parameters
    ----------
    ev
        The evaluator whose store is read; nothing is computed.
    ensembles
        Results of `logit_ensemble`; ensembles are computed from stored logits and not stored themselves.
    evaluations
        Use these instead of everything in the store.
    worst_class
        Whether models are scored by the class that they get right least often, on every split, instead of the suite's
        metric; nothing is measured again, and there is no worst slice.

    Raises
    ------
    ValueError
        When nothing has been measured yet, or there are no outputs to score by class.
    SuiteError
        When classes are asked for, and examples have not one label.
    """
    found = ev.measured() if evaluations is None else list(evaluations)
    if not found:
        raise ValueError(
            "nothing has been measured on all splits yet: evaluate a recipe, sweep alphas, or make a soup first"
        )

    def scored(evaluation: Evaluation) -> Evaluation:
        return by_worst_class(evaluation, ev.suite) if worst_class else with_worst_slice(evaluation, ev.suite)

    models = [describe(ev.pool, scored(evaluation)) for evaluation in found]
    order: list[Kind] = ["zero-shot", "fine-tuned", "bad ingredient", "WiSE-FT", "soup", "mixture"]
    place = {name: i for i, name in enumerate(ev.pool.names)}
    models.sort(key=lambda m: (order.index(m.kind), place.get(m.fine_tuned or m.name, 0), m.alpha or 0, m.name))
    for evaluation in ensembles:
        described = describe(ev.pool, scored(evaluation))
        name = f"ensemble: {described.name}"
        models.append(FrontierModel(name, "ensemble", described.evaluation, {}, described.alpha, described.fine_tuned))
    return Frontier(tuple(models), tuple(split.name for split in ev.suite.shifts))


def describe(pool: Pool, evaluation: Evaluation) -> FrontierModel:
    """Classify a recipe as a checkpoint, WiSE-FT of one, a soup, or another mixture.

    The name depends only on the recipe and the pool, not on what is stored.
    """
    recipe = evaluation.recipe
    parts = {name: value for name, value in recipe.items() if value}
    if not recipe.by_tensor and list(parts.values()) == [1.0]:
        (name,) = parts
        kind = _OF_ROLE[pool.checkpoints[name].card.role]
        return FrontierModel(name, kind, evaluation, pool.hyperparameters(name))
    sums_to_one = abs(sum(parts.values()) - 1) < _TOLERANCE
    zero_shot = _zero_shot(pool)
    if not recipe.by_tensor and sums_to_one and len(parts) == 2 and zero_shot in parts:
        name = next(n for n in parts if n != zero_shot)
        alpha = parts[name]
        card = pool.hyperparameters(name)
        return FrontierModel(f"{name} at alpha {alpha:g}", "WiSE-FT", evaluation, card, alpha, name)
    # Equal parts make a uniform soup, even if one of them is the zero-shot model.
    uniform = not recipe.by_tensor and len(set(parts.values())) == 1
    if sums_to_one and (uniform or zero_shot not in parts) and min(parts.values(), default=0) > 0:
        return FrontierModel(f"soup of {len(parts)} ({_short(recipe)})", "soup", evaluation)
    return FrontierModel(f"mixture of {len(parts)} ({_short(recipe)})", "mixture", evaluation)


def _zero_shot(pool: Pool) -> str | None:
    try:
        return pool.zero_shot
    except PoolError:
        return None


def _short(recipe: Recipe) -> str:
    return recipe.hash[:6]
