"""A quantity that is predicted first, and measured when it is asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import isfinite
from typing import NamedTuple

from soupwidgets.evaluation import Evaluator
from soupwidgets.recipe import Recipe
from soupwidgets.stats.metrics import metric_named
from soupwidgets.translation import gettext as _

# A slider has no more positions.
_MOST = 10_000


class Measured(NamedTuple):
    """What was measured, in the question's unit.

    Parameters
    ----------
    value
        The estimate.
    low, high
        Limits of its 95% interval.
    """

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Question:
    """One quantity to predict.

    Parameters
    ----------
    name
        A Python name; of the control that holds the prediction.
    words
        What it is, in a few words: the name of its row.
    measure
        Gives value, lower and upper limit in ``unit``. It is called once, and not before the answer is asked for.
    unit
        In what it is measured; of percent a difference is in points.
    low, high, step
        What can be predicted, and the distance between two positions; any number between may be typed.
    start
        Where the prediction stands at first; in the middle when None.
    digits
        Behind the point, of what is shown.
    """

    name: str
    words: str
    measure: Callable[[], tuple[float, float, float]]
    unit: str = "%"
    low: float = 0.0
    high: float = 100.0
    step: float = 1.0
    start: float | None = None
    digits: int = 1

    def __post_init__(self) -> None:
        if not (self.low < self.high and isfinite(self.high - self.low)):
            raise ValueError(f"{self.name}: low must be below high, and they are {self.low:g} and {self.high:g}")
        if not (self.high - self.low) / _MOST <= self.step <= self.high - self.low:
            ends = f"{self.low:g} and {self.high:g}"
            raise ValueError(f"{self.name}: a step of {self.step:g} does not fit between {ends}")

    @property
    def first(self) -> float:
        """Where the prediction stands at first."""
        return (self.low + self.high) / 2 if self.start is None else self.start

    @property
    def unit_apart(self) -> str:
        """The unit of a difference."""
        return _("points") if self.unit == "%" else self.unit

    def show(self, value: float) -> str:
        """A value with its unit.

        Examples
        --------
        >>> Question("a", "A", measure=lambda: (0, 0, 0)).show(63.14)
        '63.1%'
        """
        return _with_unit(value, self.digits, self.unit)

    def show_apart(self, difference: float) -> str:
        """How large a difference is, with its unit and without its sign."""
        return _with_unit(abs(difference), self.digits, self.unit_apart)


def accuracy(ev: Evaluator, recipe: Recipe | str, split: str | None = None) -> Callable[[], Measured]:
    """What measures the accuracy of a model, in percent.

    Parameters
    ----------
    split
        On which split; on average over all distribution shifts when None.

    Raises
    ------
    ValueError
        When the suite's metric is no share, and so has no percent.

    Returns
    -------
    Callable
        For `Question`; it measures when it is called.

    Examples
    --------
    >>> ev = getfixture("tiny_evaluator")
    >>> measure = accuracy(ev, "ft-a", "test")
    >>> measure().value == 100 * ev.evaluate("ft-a", ["test"]).accuracy["test"]
    True
    """
    metric = metric_named(ev.suite.validation.scoring.metric)
    if not metric.share:
        raise ValueError(f"{metric.words} is no share that could be predicted in percent: give a measure of your own")

    def measure() -> Measured:
        evaluation = ev.evaluate(recipe, None if split is None else [split])
        value = evaluation.shift_accuracy if split is None else evaluation.accuracy[split]
        low, high = evaluation.shift_interval if split is None else evaluation.interval[split]
        return Measured(100 * value, 100 * low, 100 * high)

    return measure


def _with_unit(value: float, digits: int, unit: str) -> str:
    return f"{value:.{digits}f}{'' if unit in ('%', '') else ' '}{unit}"
