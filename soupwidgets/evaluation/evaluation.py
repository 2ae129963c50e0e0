"""What is known about one recipe: its scores on every split, partial or complete."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from soupwidgets.evaluation.tasks import answers
from soupwidgets.recipe import Recipe
from soupwidgets.stats.estimate import Estimate
from soupwidgets.stats.figure import Figure
from soupwidgets.stats.intervals import clopper_pearson, mean_interval
from soupwidgets.stats.metrics import DRAWS, METRICS, metric_named
from soupwidgets.suites import ClassMap, Split
from soupwidgets.suites.split import Role
from soupwidgets.suites.task import Task

if TYPE_CHECKING:
    import pandas as pd

Logits = NDArray[np.float32]
NORMAL_95 = 1.959964


@dataclass(frozen=True, repr=False)
class SplitScore:
    """One recipe on one split.

    Parameters
    ----------
    role
        What the split may be used for.
    total
        Number of images of the split.
    seen
        Number of images evaluated so far, in the split's seeded order.
    correct
        How many of those were correct. An image with a non-finite logit counts as wrong.
    loss
        Mean cross-entropy in nats over the images seen.
    load_logits
        Returns the logits ``[total, classes]`` in the order of the split, once all images were seen; with
        a class map only those of the classes that it names.
    figure
        What the split's benchmark reports instead of the share of correct images, if anything.
    class_map
        How logits are mapped to the split's own classes.
    loss_sd
        Standard deviation of the loss over the images seen, in nats; None in measurements from before it was recorded.
    task
        What labels are.
    precision
        What the model was computed with. After a pass in ``"bfloat16"`` every prediction is made certain in float32;
        loss and logits keep the rounding of bfloat16.
    estimate
        What the accuracy of all images is estimated to be, where neighbours in the store predict the answers and those
        seen so far, in an order of their own, correct the prediction.
    """

    role: Role
    total: int
    seen: int
    correct: int
    loss: float
    load_logits: Callable[[], Logits] | None = field(default=None, repr=False, compare=False)
    figure: Figure | None = None
    class_map: ClassMap | None = field(default=None, repr=False, compare=False)
    loss_sd: float | None = field(default=None, repr=False, compare=False)
    task: Task = field(default="single-label", repr=False, compare=False)
    precision: str = field(default="float32", repr=False, compare=False)
    estimate: Estimate | None = field(default=None, repr=False)

    def __repr__(self) -> str:
        return f"SplitScore({self.role}: {self.words}, loss {self.loss:.4g})"

    @property
    def words(self) -> str:
        """The score for human readers: in percent, with its interval and the number of images."""
        low, high = self.interval
        if not self.sized:
            return f"{100 * self.accuracy:.2f}% (size unknown, no interval)"
        name = "" if self.figure is None else f"{self.metric} "
        images = f"of {self.seen:,} images" if self.exact else f"of {self.seen:,} of {self.total:,} images so far"
        if self.estimate is not None:
            images = f"predicted from neighbours, checked on {self.seen:,} of {self.total:,} images"
        known = METRICS.get(self.metric)
        if known is not None and not known.share:
            return f"{name}{self.accuracy:.4g} [{low:.4g}, {high:.4g}] {images}"
        return f"{name}{100 * self.accuracy:.2f}% [{100 * low:.2f}, {100 * high:.2f}] {images}"

    @property
    def sized(self) -> bool:
        """Whether the number of images is known; accuracies published without it have no interval."""
        return self.figure is None or not math.isnan(self.figure.low)

    @property
    def right(self) -> int | None:
        """`correct`, or None where it says nothing: in regression and segmentation, or if it was not published."""
        return self.correct if self.sized and self.task in ("single-label", "multi-label") else None

    @property
    def exact(self) -> bool:
        """Whether every image was seen."""
        return self.seen == self.total

    @property
    def accuracy(self) -> float:
        """What the split's benchmark reports: the share of correct examples, or else the value of `figure`."""
        if self.estimate is not None:
            return self.estimate.value
        return self.correct / self.seen if self.figure is None else self.figure.value

    @property
    def metric(self) -> str:
        """What `accuracy` is."""
        return "accuracy" if self.figure is None else self.figure.metric

    @property
    def merit(self) -> float:
        """`accuracy`, or its negative for a metric of which less is better: what selection maximises."""
        known = METRICS.get(self.metric)
        return self.accuracy if known is None else known.merit(self.accuracy)

    @cached_property
    def interval(self) -> tuple[float, float]:
        """95% interval of the accuracy: Clopper-Pearson, or that of `figure` or `estimate`."""
        if self.estimate is not None:
            return self.estimate.low, self.estimate.high
        if self.figure is not None:
            return self.figure.low, self.figure.high
        # Cached, because a figure that follows a slider asks for all of them at every move.
        low, high = clopper_pearson(self.correct, self.seen)
        return float(low), float(high)

    @property
    def loss_interval(self) -> tuple[float, float] | None:
        """95% interval of the mean loss, by the normal approximation; None if its spread is not known."""
        if self.loss_sd is None or not math.isfinite(self.loss_sd):
            return None
        margin = NORMAL_95 * self.loss_sd / math.sqrt(self.seen)
        return self.loss - margin, self.loss + margin


def fill_intervals(scores: Iterable[SplitScore]) -> None:
    """Compute and cache `SplitScore.interval` of many scores in one call.

    One at a time, NumPy's overhead dwarfs the work, and a wide pool has ten thousand scores.

    Parameters
    ----------
    scores
        Any scores; intervals that are already cached are not computed again.
    """
    due = [
        score for score in scores if score.figure is None and score.estimate is None and "interval" not in vars(score)
    ]
    limits = clopper_pearson([score.correct for score in due], [score.seen for score in due])
    for score, (low, high) in zip(due, limits.tolist(), strict=True):
        vars(score)["interval"] = low, high


@dataclass(frozen=True, repr=False)
class Evaluation:
    """One recipe on several splits.

    Examples
    --------
    >>> score = SplitScore("id_test", total=4, seen=4, correct=3, loss=0.5)
    >>> evaluation = Evaluation(Recipe({"a": 1}), {"test": score})
    >>> evaluation.accuracy
    {'test': 0.75}
    >>> evaluation["test"]
    SplitScore(id_test: 75.00% [19.41, 99.37] of 4 images, loss 0.5)
    """

    recipe: Recipe
    scores: Mapping[str, SplitScore]

    def __getitem__(self, split: str) -> SplitScore:
        """The score on one split."""
        if split not in self.scores:
            raise KeyError(f"{split!r} was not evaluated; there are {', '.join(self.scores)}")
        return self.scores[split]

    def __iter__(self) -> Iterator[str]:
        """The names of the splits."""
        return iter(self.scores)

    def __repr__(self) -> str:
        lines = "".join(f"\n  {name}: {score.words}" for name, score in self.scores.items())
        return f"Evaluation of {self.recipe!r}{lines}" + (f"\n  {self.note}" if self.note else "")

    def _repr_html_(self) -> str:
        rows = [
            f"<tr><td>{escape(name)}</td><td>{score.role}</td><td>{escape(score.words)}</td>"
            f"<td>{_count(score)}</td>"
            f"<td>{'unknown' if math.isnan(score.loss) else f'{score.loss:.4g}'}</td></tr>"
            for name, score in self.scores.items()
        ]
        metrics = {score.metric for score in self.scores.values()}
        head = "accuracy" if metrics == {"accuracy"} else "score"
        heads = "".join(f"<th>{head}</th>" for head in ("split", "role", f"{head} [95%]", "correct", "loss"))
        note = f"<p>{escape(self.note)}</p>" if self.note else ""
        return f"<p>{escape(repr(self.recipe))}</p><table><tr>{heads}</tr>{''.join(rows)}</table>{note}"

    @property
    def note(self) -> str:
        """A sentence on the precision, where it is not float32."""
        if all(score.precision == "float32" for score in self.scores.values()):
            return ""
        return "Computed in bfloat16, with every prediction that its rounding might change computed again in float32."

    @property
    def exact(self) -> bool:
        """Whether every image of every split was seen."""
        return all(score.exact for score in self.scores.values())

    @property
    def predicted(self) -> bool:
        """Whether a score is an estimate with the help of neighbours in the store."""
        return any(score.estimate is not None for score in self.scores.values())

    @property
    def accuracy(self) -> dict[str, float]:
        """Accuracy (0..1) by split."""
        return {name: score.accuracy for name, score in self.scores.items()}

    @property
    def interval(self) -> dict[str, tuple[float, float]]:
        """95% interval by split, as `SplitScore.interval`."""
        return {name: score.interval for name, score in self.scores.items()}

    @property
    def loss(self) -> dict[str, float]:
        """Mean cross-entropy (nats) by split."""
        return {name: score.loss for name, score in self.scores.items()}

    @property
    def logits(self) -> dict[str, Logits]:
        """Logits ``[images, classes]`` of the splits that are complete, in the split's own order.

        After a pass in bfloat16 their largest is that of float32, and their digits are not: an evaluator with
        ``precision="float32"`` measures those.
        """
        return {name: self.split_logits(name) for name, score in self.scores.items() if score.load_logits}

    def split_logits(self, split: str) -> Logits:
        """Logits ``[images, classes]`` of one split, read from the store on this call, in the split's own order.

        Raises
        ------
        KeyError, ValueError
            When the split was not measured, or not completely.
        """
        score = self.scores[split]
        if score.load_logits is None:
            raise ValueError(f"{split!r} was not measured on all of its images: there are no logits yet")
        return score.class_map.scores(score.load_logits()) if score.class_map else score.load_logits()

    @property
    def shift_accuracy(self) -> float:
        """Mean accuracy over the distribution shifts, each with the same weight.

        Raises
        ------
        ValueError
            When no shift was evaluated.
        """
        values = [score.accuracy for score in self._shifts]
        return sum(values) / len(values)

    @property
    def shift_interval(self) -> tuple[float, float]:
        """95% interval of `shift_accuracy`, for shifts with different images."""
        shifts = self._shifts
        return mean_interval([s.accuracy for s in shifts], [s.interval for s in shifts])

    @property
    def _shifts(self) -> list[SplitScore]:
        shifts = [score for score in self.scores.values() if score.role == "shift"]
        if not shifts:
            raise ValueError("no distribution shift was evaluated")
        return shifts

    def to_frame(self) -> pd.DataFrame:
        """One row per split: split, role, accuracy, low, high (all 0..1), correct, images (seen so far), loss (nats).

        Values that were not published are missing.
        """
        import pandas as pd

        columns = ["split", "role", "accuracy", "low", "high", "correct", "images", "loss"]
        records = [{**record, "images": record["n"]} for record in self.to_records()]
        return pd.DataFrame(records, columns=columns)

    def to_records(self) -> list[dict[str, Any]]:
        """One plain dictionary per split, as in tables, CSV and ``--json``; ``n`` is None if it is not known."""
        return [
            {
                "split": name,
                "role": score.role,
                "n": score.seen if score.sized else None,
                "correct": score.right,
                "accuracy": score.accuracy,
                **({} if score.figure is None else {"metric": score.metric}),
                "low": score.interval[0],
                "high": score.interval[1],
                "loss": score.loss,
            }
            for name, score in self.scores.items()
        ]


def _count(score: SplitScore) -> str:
    if not score.sized:
        return "unknown"
    return "" if score.right is None else f"{score.right:,}"


def score_logits(split: Split, logits: Logits) -> SplitScore:
    """Score logits that have been computed already.

    Parameters
    ----------
    split
        The split whose images they belong to.
    logits
        ``[images, classes]`` in the split's own order; with a class map only those of the classes that it names.

    Returns
    -------
    SplitScore
        With these logits; an image with a non-finite logit counts as wrong.

    Raises
    ------
    ValueError
        When there is not exactly one row per image.

    Examples
    --------
    >>> suite = getfixture("suite")
    >>> score = score_logits(suite.validation, np.eye(10, dtype=np.float32)[suite.validation.labels])
    >>> score.correct, round(score.loss, 4)
    (5000, 1.4612)
    """
    labels, scoring = split.labels, split.scoring
    class_map, n = scoring.class_map, len(labels)
    if len(logits) != n:
        raise ValueError(f"{len(logits)} rows of logits do not belong to the {n} examples of {split.name!r}")
    by_class = class_map.scores(logits) if class_map else logits
    losses, right, predictions = (
        found.numpy()
        for found in answers(torch.from_numpy(by_class.astype(np.float64)), torch.from_numpy(labels), scoring.task)
    )
    figure = None
    if scoring.metric != "accuracy":
        figure = split_figure(split, metric_named(scoring.metric).keep(by_class, predictions), np.arange(n))
    spread = float(losses.std(ddof=1)) if n > 1 else None
    return SplitScore(
        split.role,
        n,
        n,
        int(right.sum()),
        float(losses.mean()),
        lambda: logits,
        figure,
        class_map,
        spread,
        scoring.task,
    )


def split_figure(split: Split, found: NDArray[Any], rows: NDArray[np.int64]) -> Figure | None:
    """What the split's benchmark reports for some of its examples; None if that is the share of correct ones.

    Parameters
    ----------
    split
        The split, for its metric and groups.
    found
        Outputs or predictions ``[n, ...]``, whichever the metric is of.
    rows
        Which examples, ``[n]``, as positions in the split's own order.
    """
    scoring = split.scoring
    if scoring.metric == "accuracy":
        return None
    groups = None if split.groups is None else split.groups[rows]
    accepted = None if split.accepted is None else split.accepted[rows]
    # A partial score lives for a moment, and a bootstrap of any function takes its time.
    draws = DRAWS if len(rows) == len(split) else DRAWS // 8
    metric = metric_named(scoring.metric)
    return metric.measure(found, split.labels[rows], groups=groups, accepted=accepted, draws=draws)
