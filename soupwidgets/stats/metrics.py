"""What a split may be scored by: one list of metrics, which anybody may extend."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from soupwidgets.stats.figure import Figure
from soupwidgets.stats.label_metrics import (
    LABEL_SET_METRICS,
    MULTI_LABEL,
    MULTI_LABEL_TOP1,
    macro_f1,
    macro_f1_value,
    multi_label_accuracy,
    multi_label_top1,
    worst_group,
)
from soupwidgets.stats.output_metrics import (
    auroc,
    average_precision,
    balanced_accuracy,
    exact_match,
    mean_iou,
    pixel_accuracy,
    r2,
    squared_error,
)
from soupwidgets.translation import N_

Of = Literal["outputs", "predictions"]
# 95% of a normal distribution lie within this many standard deviations.
_NORMAL_95 = 1.959964
# Any function is called once for each draw.
DRAWS = 200
_SEED = 0


@dataclass(frozen=True)
class Metric:
    """A score of a model's outputs on labelled examples.

    Parameters
    ----------
    name
        By which suites, stores and the command line know it.
    function
        Of outputs ``[n, ...]`` (or predictions, see `of`) and targets ``[n, ...]``, as NumPy arrays: one number, or one
        for each example, ``[n]``, of which the mean is reported.
    words
        What it is called on an axis.
    higher_is_better
        Its direction: what selection looks for.
    of
        Whether the function wants logits (or values of a regression), or predicted classes: ``[n]``, -1 where a logit
        is not finite; 0 and 1 ``[n, classes]`` for several labels; ``[n, height, width]`` for pixels.
    share
        Whether it is a share, shown in percent.
    root
        Whether the root of the mean is reported.

    Examples
    --------
    >>> within = Metric("within_one", lambda y, t: abs(y[:, 0] - t) < 1, "share within 1")
    >>> within.measure(np.array([[0.0], [5.0]]), np.array([0.5, 0.5])).value
    0.5
    """

    name: str
    function: Callable[[NDArray[Any], NDArray[Any]], Any]
    words: str = ""
    higher_is_better: bool = True
    of: Of = "outputs"
    share: bool = False
    root: bool = False

    def measure(
        self,
        outputs: NDArray[Any],
        targets: NDArray[Any],
        *,
        groups: NDArray[np.int64] | None = None,
        accepted: NDArray[np.int64] | None = None,
        draws: int = DRAWS,
    ) -> Figure:
        """The value on some examples, with its 95% interval.

        Parameters
        ----------
        outputs
            What `of` says, ``[n, ...]``.
        targets
            Labels ``[n, ...]``.
        groups
            The group of each example, for a metric of groups.
        accepted
            Accepted classes of each example, for a metric of these.
        draws
            How many samples the bootstrap draws.

        Returns
        -------
        Figure
            Functions of single examples have the normal interval of a mean; for others it is the percentile bootstrap
            over examples (Efron and Tibshirani 1993, section 13), with a fixed seed.
        """
        if self.name in _OWN_INTERVALS:
            return _OWN_INTERVALS[self.name](outputs, targets, accepted if self.name in LABEL_SET_METRICS else groups)
        found = np.asarray(self.function(outputs, targets), dtype=np.float64)
        if found.ndim:
            margin = _NORMAL_95 * float(found.std(ddof=1)) / np.sqrt(len(found)) if len(found) > 1 else np.inf
            limits = np.array([found.mean(), found.mean() - margin, found.mean() + margin])
            if self.root:
                limits = np.sqrt(np.maximum(limits, 0))
            return Figure(self.name, *map(float, limits))
        rng = np.random.default_rng(_SEED)
        samples = (rng.integers(0, len(targets), len(targets)) for _ in range(draws))
        drawn = [float(self.function(outputs[rows], targets[rows])) for rows in samples]
        low, high = np.nanquantile(drawn, [0.025, 0.975]) if not np.isnan(drawn).all() else (np.nan, np.nan)
        return Figure(self.name, float(found), min(float(low), float(found)), max(float(high), float(found)))

    def value(
        self,
        outputs: NDArray[Any],
        targets: NDArray[Any],
        *,
        groups: NDArray[np.int64] | None = None,
        accepted: NDArray[np.int64] | None = None,
    ) -> float:
        """As `measure`, without the interval, which may take long."""
        if self.name == "macro_f1":
            return macro_f1_value(outputs, targets)
        if self.name in _OWN_INTERVALS:
            return self.measure(outputs, targets, groups=groups, accepted=accepted).value
        mean = float(np.asarray(self.function(outputs, targets), dtype=np.float64).mean())
        return float(np.sqrt(mean)) if self.root else mean

    def by_example(self, outputs: NDArray[Any], targets: NDArray[Any]) -> NDArray[np.float64] | None:
        """The score of each example ``[n]``, for paired comparisons; None if only all of them have one."""
        if self.name in _OWN_INTERVALS:
            return None
        found = np.asarray(self.function(outputs, targets), dtype=np.float64)
        return found if found.ndim else None

    def merit(self, value: float) -> float:
        """The value, or its negative where less is better: what selection maximises."""
        return value if self.higher_is_better else -value

    def show(self, value: float, digits: int = 2) -> str:
        """The value for human readers: a share in percent, anything else as a number.

        Examples
        --------
        >>> METRICS["accuracy"].show(0.5), METRICS["rmse"].show(0.5, digits=1)
        ('50.00%', '0.5')
        """
        return f"{value:.{digits}%}" if self.share else f"{value:.{digits + 2}g}"

    def keep(self, outputs: NDArray[Any], predictions: NDArray[Any]) -> NDArray[Any]:
        """What of a batch has to be kept for `measure`."""
        return predictions if self.of == "predictions" else outputs

    @property
    def identity(self) -> str:
        """Name and, for a function that is not ours, a hash of its code: part of what a measurement is filed under."""
        if _BUILT_IN.get(self.name) is self:
            return self.name
        function = self.function
        try:
            code = inspect.getsource(function)
        except (OSError, TypeError):
            compiled = getattr(function, "__code__", None)
            code = repr(function) if compiled is None else f"{compiled.co_code.hex()} {compiled.co_consts!r:.1000}"
        return f"{self.name} {hashlib.sha256(code.encode()).hexdigest()[:16]}"

    @classmethod
    def from_torchmetrics(
        cls, name: str, given: Any, *, words: str = "", higher_is_better: bool | None = None
    ) -> Metric:
        """A metric of torchmetrics.

        Parameters
        ----------
        name
            By which it is known from now on.
        given
            A ``torchmetrics.Metric``; its own state is not touched.
        words
            What it is called on an axis; the name when empty.
        higher_is_better
            Its direction; what the object itself says when None.
        """
        import copy

        import torch

        own = copy.deepcopy(given)

        def function(outputs: NDArray[Any], targets: NDArray[Any]) -> float:
            own.reset()
            wanted = torch.from_numpy(np.ascontiguousarray(targets))
            own.update(torch.from_numpy(np.ascontiguousarray(outputs)), wanted)
            return float(own.compute())

        up = getattr(given, "higher_is_better", True) if higher_is_better is None else higher_is_better
        metric = cls(name, function, words or name, higher_is_better=bool(up))
        # The closure's source is ours: what tells two of them apart is the object.
        object.__setattr__(metric, "function", _Described(function, repr(given)))
        return metric


class _Described:
    """A function with a description in place of its source."""

    def __init__(self, function: Callable[..., Any], said: str) -> None:
        self._function, self._said = function, said

    def __call__(self, outputs: NDArray[Any], targets: NDArray[Any]) -> Any:
        return self._function(outputs, targets)

    def __repr__(self) -> str:
        return self._said


def _accuracy(predictions: NDArray[Any], targets: NDArray[Any]) -> NDArray[np.bool_]:
    return np.asarray(predictions == targets)


def _worst_group(predictions: NDArray[np.int64], labels: NDArray[np.int64], groups: NDArray[np.int64] | None) -> Figure:
    assert groups is not None
    # The first sample may have no image in any group that counts.
    return worst_group(predictions == labels, groups if (groups >= 0).any() else np.zeros_like(groups))


def _worst_class(predictions: NDArray[np.int64], labels: NDArray[np.int64], _groups: Any) -> Figure:
    # Figures say what they are of; the interval is that of the worst of as many groups.
    return replace(worst_group(predictions == labels, labels), metric="worst_class")


_OWN_INTERVALS: Mapping[str, Callable[..., Figure]] = {
    "macro_f1": lambda predictions, labels, _groups: macro_f1(predictions, labels),
    "worst_group": _worst_group,
    "worst_class": _worst_class,
    MULTI_LABEL: multi_label_accuracy,
    MULTI_LABEL_TOP1: multi_label_top1,
}


def _nothing(_outputs: NDArray[Any], _targets: NDArray[Any]) -> float:
    raise AssertionError("it has an interval of its own")


_BUILT_IN = {
    metric.name: metric
    for metric in (
        Metric("accuracy", _accuracy, N_("accuracy"), of="predictions", share=True),
        Metric("macro_f1", _nothing, N_("macro-F1"), of="predictions", share=True),
        Metric("worst_group", _nothing, N_("accuracy of the worst group"), of="predictions", share=True),
        Metric("worst_class", _nothing, N_("accuracy of the worst class"), of="predictions", share=True),
        Metric(MULTI_LABEL, _nothing, N_("multi-label accuracy"), of="predictions", share=True),
        Metric(MULTI_LABEL_TOP1, _nothing, N_("top-1 multi-label accuracy"), of="predictions", share=True),
        Metric("balanced_accuracy", balanced_accuracy, N_("balanced accuracy"), of="predictions", share=True),
        Metric("auroc", auroc, N_("AUROC"), share=True),
        Metric("average_precision", average_precision, N_("average precision"), share=True),
        Metric("exact_match", exact_match, N_("share with all labels right"), of="predictions", share=True),
        Metric("r2", r2, N_("R2")),
        Metric("rmse", squared_error, N_("root mean squared error"), higher_is_better=False, root=True),
        Metric("mean_iou", mean_iou, N_("mean IoU"), of="predictions", share=True),
        Metric("pixel_accuracy", pixel_accuracy, N_("share of correct pixels"), of="predictions", share=True),
    )
}
METRICS: dict[str, Metric] = dict(_BUILT_IN)


class _Words(Mapping[str, str]):
    """What each metric is called on an axis."""

    def __getitem__(self, name: str) -> str:
        return METRICS[name].words or METRICS[name].name

    def __iter__(self) -> Iterator[str]:
        return iter(METRICS)

    def __len__(self) -> int:
        return len(METRICS)


METRIC_WORDS: Mapping[str, str] = _Words()


def shown(name: str, value: float, digits: int = 2) -> str:
    """A value of the metric of this name, for human readers; one that is not known counts as a share.

    Examples
    --------
    >>> shown("accuracy", 0.25), shown("rmse", 0.25), shown("f7", 0.25)
    ('25.00%', '0.25', '25.00%')
    """
    return METRICS.get(name, METRICS["accuracy"]).show(value, digits)


def shown_difference(name: str, value: float, digits: int = 2) -> str:
    """A difference of two values of a metric: in points where these are shares.

    Examples
    --------
    >>> shown_difference("accuracy", 0.0125), shown_difference("rmse", -0.25)
    ('+1.25 points', '-0.25')
    """
    share = METRICS.get(name, METRICS["accuracy"]).share
    return f"{100 * value:+.{digits}f} points" if share else f"{value:+.{digits + 2}g}"


def metric_named(given: str | Metric) -> Metric:
    """A metric by its name; one that is given is from now on known by its name.

    Raises
    ------
    ValueError
        When there is none of this name, or another one has it.
    """
    if isinstance(given, Metric):
        known = METRICS.setdefault(given.name, given)
        if known is not given and known.identity != given.identity:
            raise ValueError(f"there is a metric {given.name!r} already: call this one something else")
        METRICS[given.name] = known if known.identity == given.identity and given.name in _BUILT_IN else given
        return METRICS[given.name]
    if given not in METRICS:
        raise ValueError(f"{given!r:.100} is not a metric; known are {', '.join(METRICS)}")
    return METRICS[given]
