"""Findings from measurements on validation images: barriers, confidence, members that are worse or do harm."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from soupwidgets.evaluation import Evaluator
from soupwidgets.evaluation.evaluation import NORMAL_95
from soupwidgets.methods.advice import BARRIER
from soupwidgets.methods.selection import clearly_worse, selection_metric
from soupwidgets.recipe import Recipe
from soupwidgets.stats.calibration import best_temperature
from soupwidgets.stats.multiple import adjusted_p_values
from soupwidgets.stats.paired import mcnemar
from soupwidgets.topics.diagnosis.finding import Finding

# Models of the bundled pools, label smoothing and mixup among them, need up to 1.8 times the median temperature.
_CONFIDENCE = 2.0
# Of false accusations, after adjusting for as many tests as there are members.
_LEVEL = 0.01


@dataclass(frozen=True)
class Answers:
    """What a recipe does on the validation split.

    Parameters
    ----------
    score, interval
        By the split's own metric, with its 95% interval.
    right
        Whether each example was answered correctly, ``[examples]``; None where the score is no share of these.
    temperature
        The number to divide its logits by for the least cross-entropy; None where there is none.
    """

    score: float
    interval: tuple[float, float]
    right: NDArray[np.bool_] | None
    temperature: float | None


def answers(ev: Evaluator, recipe: Recipe) -> Answers:
    """Measure a recipe on the validation split, and on nothing else."""
    where = ev.suite.validation
    found = ev.evaluate(recipe, where.name)
    score = found.scores[where.name].accuracy
    interval = found.scores[where.name].interval
    if where.scoring.task != "single-label":
        return Answers(score, interval, None, None)
    logits = found.split_logits(where.name)
    finite = np.isfinite(logits).all(axis=1)
    right = (logits.argmax(axis=1) == where.labels) & finite
    temperature = best_temperature(logits, where.labels) if finite.all() else None
    return Answers(score, interval, right if where.scoring.metric == "accuracy" else None, temperature)


def lost_halfway(first: NDArray[np.bool_], second: NDArray[np.bool_], middle: NDArray[np.bool_]) -> NDArray[np.float64]:
    """How much of each example is lost between two models, ``[n]``: the mean of both answers less the middle's."""
    return (first.astype(float) + second) / 2 - middle


def mean_margin(each: NDArray[np.float64]) -> float:
    """Half the 95% interval of a mean over examples, ``[n]``."""
    return float(NORMAL_95 * each.std(ddof=1) / np.sqrt(len(each)))


def barred(height: float, margin: float) -> bool:
    """Whether a loss of accuracy is a barrier.

    On few images it must also be half as high at the lower end of its interval: who is compared was chosen on the same
    images.
    """
    return height > BARRIER and height - margin >= BARRIER / 2


def barrier_margin(first: Answers, second: Answers, middle: Answers) -> float:
    """Half the 95% interval of a barrier's height: of the mean over examples, which are the same for all three."""
    if first.right is None or second.right is None or middle.right is None:
        return float("nan")
    return mean_margin(lost_halfway(first.right, second.right, middle.right))


def barrier_finding(
    ev: Evaluator, name: str, best: str, ends: Mapping[str, Answers], middle: Answers
) -> Finding | None:
    """A member between which and the best one lies a barrier.

    Notes
    -----
    Frankle et al., arXiv 1912.05671, section 2, at alpha 0.5; `clearly_worse` says how high is high. On few images it
    must also be half as high at the lower end of its interval: the best one was chosen on the same images.
    """
    metric = selection_metric(ev)
    mean = (ends[name].score + ends[best].score) / 2
    lower = metric.merit(mean) - metric.merit(middle.score) - barrier_margin(ends[name], ends[best], middle)
    if not clearly_worse(metric, middle.score, mean) or lower < BARRIER / 2:
        return None
    return Finding(
        "barrier", (name,), f"is in another valley than {best}", "leave it out",
        f"Halfway to {best}, validation {metric.words} is {metric.show(middle.score, 1)}; the two have "
        f"{metric.show(mean, 1)} on average.",
        {"with": best, "middle": middle.score, "mean of the ends": mean},
    )  # fmt: skip


def averaged_statistics(ev: Evaluator, name: str, best: str, half: Recipe, middle: float) -> Finding | None:
    """A barrier that is one of averaged batch-normalisation statistics alone: gone when these are measured again."""
    if ev.recalibration is not None or not any(tensor.endswith("running_mean") for tensor in ev.pool.tensors):
        return None
    metric = selection_metric(ev)
    where = ev.suite.validation.name
    again = ev.with_batch_norm("recompute").evaluate(half, where).scores[where].accuracy
    if not clearly_worse(metric, middle, again):
        return None
    return Finding(
        "batch normalisation", (name,), f"and {best} have statistics of batch normalisation that cannot be averaged",
        "measure them again for the mixture (Evaluator(..., batch_norm='recompute'), which also saves them)",
        f"Halfway between them, validation {metric.words} is {metric.show(middle, 1)} with averaged statistics, and "
        f"{metric.show(again, 1)} with statistics that are measured again.",
        {"with": best, "averaged": middle, "recomputed": again},
    )  # fmt: skip


def worse_than_start(ev: Evaluator, start: str, alone: Mapping[str, Answers]) -> Iterator[Finding]:
    """Members that fine-tuning made clearly worse than the zero-shot model."""
    metric = selection_metric(ev)
    for name, own in alone.items():
        if name != start and clearly_worse(metric, own.score, alone[start].score):
            yield Finding(
                "worse than its start", (name,), f"is worse than {start}, from which it started",
                "leave it out (was it trained to the end, on the same labels?)",
                f"Validation {metric.words} {metric.show(own.score, 1)}, {start} has "
                f"{metric.show(alone[start].score, 1)}.",
                {"score": own.score, "start": alone[start].score},
            )  # fmt: skip


def confidence(names: Sequence[str], alone: Mapping[str, Answers]) -> Iterator[Finding]:
    """Members whose logits are on another scale than those of the others.

    Notes
    -----
    An overconfident member outvotes the others: Lin et al., arXiv 2309.17230 (balanced averaging). The scale
    is that of temperature scaling (arXiv 1706.04599, section 4.2), on validation images.
    """
    fitted = {name: t for name in names if (t := alone[name].temperature) is not None}
    if len(fitted) < 3:
        return
    median = float(np.median(list(fitted.values())))
    for name, temperature in fitted.items():
        ratio = temperature / median
        if max(ratio, 1 / ratio) > _CONFIDENCE:
            how = "more" if ratio > 1 else "less"
            yield Finding(
                "confidence", (name,), f"is far {how} confident than the others",
                f"calibrate it before mixing: divide its head by {ratio:.2f}",
                f"Its logits want a temperature of {temperature:.2f}, those of the others {median:.2f} (median).",
                {"temperature": temperature, "median": median},
            )  # fmt: skip


def harmful(
    ev: Evaluator, soup: Answers, without: Mapping[str, Answers], guessed: Mapping[str, NDArray[np.bool_]] | None = None
) -> Iterator[Finding]:
    """Members without which the uniform soup of the others is better, by more than chance.

    Parameters
    ----------
    soup
        The uniform soup of all.
    without
        Member to the uniform soup of all others.
    guessed
        Members that do no harm, and what the soup of all others is guessed to answer: they count among the tests.

    Notes
    -----
    McNemar's exact test on the same validation images, adjusted for as many tests as there are members (Benjamini and
    Hochberg 1995). Where answers are not right or wrong, two percent of the score.
    """
    metric = selection_metric(ev)
    better = {name for name, one in without.items() if metric.merit(one.score) > metric.merit(soup.score)}
    if soup.right is None:
        sure = {name for name in better if clearly_worse(metric, soup.score, without[name].score)}
        p_values: dict[str, float] = {}
    else:
        tests = {name: mcnemar(soup.right, one.right).p_value for name, one in without.items() if one.right is not None}
        tests |= {name: mcnemar(soup.right, right).p_value for name, right in (guessed or {}).items()}
        p_values = dict(zip(tests, map(float, adjusted_p_values([*tests.values()])), strict=True))
        sure = {name for name in better if p_values[name] < _LEVEL}
    for name in (one for one in without if one in sure):
        chance = f" (adjusted p {p_values[name]:.2g})" if name in p_values else ""
        yield Finding(
            "harm", (name,), "makes the soup worse", "leave it out",
            f"The uniform soup has validation {metric.words} {metric.show(soup.score, 1)}, without it "
            f"{metric.show(without[name].score, 1)}{chance}.",
            {"soup": soup.score, "without": without[name].score, "p": p_values.get(name)},
        )  # fmt: skip
