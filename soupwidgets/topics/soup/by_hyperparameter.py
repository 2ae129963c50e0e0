"""Soups of ingredients with a low and with a high value of a hyper-parameter."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from numbers import Real

import numpy as np

from soupwidgets.evaluation import Evaluation, Evaluator
from soupwidgets.pool import Pool
from soupwidgets.recipe import Recipe


@dataclass(frozen=True)
class SoupGroup:
    """A uniform soup of the ingredients on one side of a hyper-parameter's median.

    Parameters
    ----------
    label
        A label such as "augmentation up to 0.25".
    names
        Names of its ingredients.
    evaluation
        Evaluation of their uniform soup.
    """

    label: str
    names: tuple[str, ...]
    evaluation: Evaluation


def numeric_hyperparameters(pool: Pool) -> list[str]:
    """Hyper-parameters that divide the fine-tuned models into two groups: numbers that are not all equal."""
    cards = [pool.checkpoints[name].card.hyperparameters for name in pool.fine_tuned]
    shared = [key for key in (cards[0] if cards else {}) if all(_is_number(card.get(key)) for card in cards)]
    return [key for key in shared if key != "seed" and len({card[key] for card in cards}) > 1]


def by_hyperparameter(ev: Evaluator, hyperparameter: str) -> list[SoupGroup]:
    """Split the fine-tuned models at the median of a hyper-parameter, and measure the uniform soup of each half.

    Parameters
    ----------
    ev
        Evaluator of a pool whose cards have hyper-parameters.
    hyperparameter
        Its name: one of `numeric_hyperparameters`.

    Returns
    -------
    list[SoupGroup]
        The lower and the higher half, each with at least one model. Models also differ in other ways: a difference
        between the two soups is a hint, not a controlled experiment.

    Raises
    ------
    ValueError
        When the hyper-parameter is not a number for every model, or the same for all.
    """
    return list(stream_by_hyperparameter(ev, hyperparameter))


def stream_by_hyperparameter(ev: Evaluator, hyperparameter: str) -> Iterator[SoupGroup]:
    """Yield the results of `by_hyperparameter`, one soup at a time."""
    known = numeric_hyperparameters(ev.pool)
    if hyperparameter not in known:
        others = ", ".join(known) or "no hyper-parameter"
        raise ValueError(f"{hyperparameter!r} does not divide the fine-tuned models into two groups; {others} would")
    values = {n: float(ev.pool.checkpoints[n].card.hyperparameters[hyperparameter]) for n in ev.pool.fine_tuned}
    middle = float(np.median([*values.values()]))
    # If half of the models share the smallest value, they form one group and all others the other.
    border = middle if middle < max(values.values()) else max(v for v in values.values() if v < middle)
    groups = {
        f"{hyperparameter} up to {border:.3g}": tuple(n for n, v in values.items() if v <= border),
        f"{hyperparameter} above {border:.3g}": tuple(n for n, v in values.items() if v > border),
    }
    for label, names in groups.items():
        yield SoupGroup(label, names, ev.evaluate(Recipe({name: 1 / len(names) for name in names})))


def _is_number(value: object) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)
