"""In what unit and words a figure draws a metric: a share in percent, anything else as a number."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import isfinite
from typing import Any

from soupwidgets.evaluation import Evaluation, SplitScore
from soupwidgets.figures.style import TOO_FEW, error_bars
from soupwidgets.stats.metrics import METRIC_WORDS, METRICS
from soupwidgets.suites.task import Task
from soupwidgets.translation import N_
from soupwidgets.translation import gettext as _

_ACCURACY = N_("accuracy")
# What the loss of each task is called on an axis.
LOSS_WORDS: dict[Task, str] = {
    "single-label": "Cross-entropy, nats",
    "multi-label": "Binary cross-entropy, nats",
    "regression": "Half the squared error",
    "segmentation": "Cross-entropy of a pixel, nats",
}


@dataclass(frozen=True)
class Unit:
    """How values of one metric are placed on an axis and said in words.

    Parameters
    ----------
    words
        What the metric is called.
    share
        Whether it is a share, shown in percent.
    higher_is_better
        Its direction.

    Examples
    --------
    >>> Unit().axis(), Unit("R2", share=False).axis("ID test")
    ('Accuracy, %', 'ID test R2')
    >>> Unit().show(0.5), Unit("R2", share=False).show(-0.5), Unit().show(float("nan"))
    ('50.0%', '-0.5', 'unknown')
    """

    words: str = "accuracy"
    share: bool = True
    higher_is_better: bool = True

    def place(self, value: float) -> float:
        """Where a value stands on the axis."""
        return 100 * value if self.share else value

    def places(self, values: Iterable[float]) -> list[float]:
        """Where several values stand."""
        return [self.place(value) for value in values]

    def show(self, value: float, digits: int = 1) -> str:
        """A value in words; in percent with so many digits behind the point, or with two more significant ones."""
        if not isfinite(value):
            return _("unknown")
        return f"{value:.{digits}%}" if self.share else f"{value:.{digits + 2}g}"

    def bare(self, value: float, digits: int = 2) -> str:
        """A value for a table whose heading has the unit."""
        return self.show(value, digits).removesuffix("%")

    def limits(self, interval: tuple[float, float], digits: int = 1) -> str:
        """An interval in words."""
        low, high = interval
        if not (isfinite(low) and isfinite(high)):
            return _(TOO_FEW)
        return _("{low} to {high}").format(low=self.show(low, digits), high=self.show(high, digits))

    def difference(self, value: float, digits: int = 2) -> str:
        """A difference of two values: points of a share, or a number.

        Examples
        --------
        >>> Unit().difference(0.012), Unit("R2", share=False).difference(-0.3)
        ('+1.20 points', '-0.3')
        """
        return f"{100 * value:+.{digits}f} points" if self.share else f"{value:+.{digits + 1}g}"

    @property
    def name(self) -> str:
        """The words at the beginning of a sentence."""
        return self.words[:1].upper() + self.words[1:]

    @property
    def best_word(self) -> str:
        """What the best value is."""
        return "Highest" if self.higher_is_better else "Lowest"

    @property
    def percent(self) -> str:
        """What follows the name of a column or an axis."""
        return " %" if self.share else ""

    @property
    def plane(self) -> str:
        """What a plane of the metric in distribution and under shift is called, within a sentence."""
        against = _("{metric} against robustness"), _("{metric} in distribution and under shift")
        return against[self.words != _(_ACCURACY)].format(metric=self.words)

    @property
    def against_robustness(self) -> str:
        """The same as a title."""
        return self.plane[:1].upper() + self.plane[1:]

    def axis(self, of: str = "") -> str:
        """The title of an axis, perhaps with what it is the metric of."""
        named = _("{of} {metric}").format(of=of, metric=self.words) if of else self.name
        return f"{named}{', %' if self.share else ''}"

    def hover(self, place: str, digits: int = 2) -> str:
        """The part of a hover template that shows the coordinate ``place``.

        Examples
        --------
        >>> Unit().hover("y"), Unit("R2", share=False).hover("y")
        ('%{y:.2f}%', '%{y:.4g}')
        """
        return f"%{{{place}:.{digits}f}}%" if self.share else f"%{{{place}:.{digits + 2}g}}"

    def merit(self, value: float) -> float:
        """The value, or its negative where less is better."""
        return value if self.higher_is_better else -value

    def bars(self, known: Iterable[tuple[float, tuple[float, float]]], **style: Any) -> dict[str, Any]:
        """Plotly's error bars of values with their intervals."""
        return error_bars([(self.place(v), self.place(low), self.place(high)) for v, (low, high) in known], **style)

    def bar(self, value: float, interval: tuple[float, float], **style: Any) -> dict[str, Any]:
        """The error bar of one value."""
        return self.bars([(value, interval)], **style)


def unit_of(*shown: Evaluation | SplitScore | str) -> Unit:
    """The unit of what is drawn together; of several metrics it is a score, in percent where all are shares.

    Parameters
    ----------
    shown
        Evaluations, scores, or names of metrics.
    """
    names: list[str] = []
    for one in shown:
        if isinstance(one, Evaluation):
            names += [score.metric for score in one.scores.values()]
        else:
            names.append(one if isinstance(one, str) else one.metric)
    metrics = list(dict.fromkeys(names))
    # Of a metric that nobody has named here only the value is known.
    shares = all(name in METRICS and METRICS[name].share for name in metrics)
    better = all(name not in METRICS or METRICS[name].higher_is_better for name in metrics)
    if len(metrics) == 1:
        (name,) = metrics
        return Unit(_(METRIC_WORDS[name]) if name in METRICS else name, shares, better)
    return Unit(_("score") if metrics else _(_ACCURACY), shares, better)


def within_sentence(words: str) -> str:
    """Words of an axis within a sentence; abbreviations stay as they are.

    Examples
    --------
    >>> within_sentence("Cross-entropy, nats"), within_sentence("R2")
    ('cross-entropy, nats', 'R2')
    """
    return words if words[1:2].isupper() or words[1:2].isdigit() else words[:1].lower() + words[1:]


def counted(score: SplitScore) -> str:
    """How many examples are right, where a score is the share of them; else how many there are."""
    if score.estimate is not None:
        return _("predicted, checked on {seen} of {total}").format(seen=score.seen, total=score.total)
    if score.metric == "accuracy":
        return _("{correct} of {seen}").format(correct=score.correct, seen=score.seen)
    return _("of {seen}").format(seen=score.seen)
