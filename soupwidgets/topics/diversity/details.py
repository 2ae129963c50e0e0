"""What is said of a pair of models, and of an ensemble."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from scipy.special import log_softmax

from soupwidgets.evaluation import Evaluation
from soupwidgets.panel.measured import percent_limits, saved_table
from soupwidgets.panel.view import Picture, Strip, Table
from soupwidgets.stats.estimate import Estimate
from soupwidgets.suites import Suite
from soupwidgets.topics.diversity.members import Member
from soupwidgets.topics.diversity.pairs import DiversityMatrix, PairDiversity

_SHOWN = 24


def pair_table(pair: PairDiversity, soup: float | None) -> Table:
    """The numbers of a pair with their intervals; ``soup`` is the accuracy of their average weights, if known."""
    rows = [
        (f"accuracy of {pair.first}, %", _percent(pair.accuracies[0]), ""),
        (f"accuracy of {pair.second}, %", _percent(pair.accuracies[1]), ""),
        ("exactly one is right (error inconsistency), %", _percent(pair.error_inconsistency),
         percent_limits(pair.inconsistency_interval)),
        ("both right, %", _percent(pair.both_right / pair.images), ""),
        ("oracle: who always asks the right one, %", _percent(pair.oracle), ""),
        ("same prediction, %", _percent(pair.agreement), ""),
        ("Cohen's kappa of predictions", f"{pair.kappa.value:.3f}", f"{pair.kappa.low:.3f} to {pair.kappa.high:.3f}"),
        ("ensemble of the two, %", _percent(pair.ensemble), ""),
        ("its gain over their mean, points", *_points(pair.gain_over_mean)),
        ("its gain over the better one, points", *_points(pair.gain_over_better)),
        ("inconsistent images that it has right, %", _percent(pair.conversion),
         percent_limits(pair.conversion_interval)),
    ]  # fmt: skip
    if soup is not None:
        rows.append(("soup: their average weights, %", _percent(soup), ""))
    title = f"{pair.first} and {pair.second} on {pair.split}, {pair.images:,} images"
    note = f"What differs most between their trainings: {pair.divergence}."
    return Table(title, ["number", "value", "95%"], rows, note)


def every_pair(matrix: DiversityMatrix) -> Table:
    """The numbers of all pairs, to be saved."""
    return saved_table(f"diversity on {matrix.split}", matrix.to_frame())


def pair_strip(first: Member, second: Member, suite: Suite, split: str) -> Strip:
    """Images that exactly one of two models has right, the most confidently mistaken first."""
    where = suite.splits[split]
    right = first.right(where), second.right(where)
    rows = np.flatnonzero(right[0] != right[1])
    classes = suite.class_names(split)
    said = first.predictions(split), second.predictions(split)
    logits = first.scaled(split, suite)[rows], second.scaled(split, suite)[rows]
    # How far apart the two are about the true class, in nats at their own temperatures.
    labels = where.labels[rows]
    apart = [log_softmax(x, axis=1)[np.arange(len(rows)), labels] for x in logits]
    order = rows[np.argsort(-np.abs(apart[0] - apart[1]), kind="stable")][:_SHOWN]
    pictures = []
    for row in order:
        name = first.name if right[0][row] else second.name
        label = classes[where.labels[row]]
        words = " | ".join(classes[p] if p >= 0 else "none" for p in (said[0][row], said[1][row]))
        alt = f"image {row}: {label}"
        pictures.append(Picture(where.images[row], alt, label, words, f"only {name}", "\u2713"))
    title = (
        f"Images of '{split}' that exactly one of them has right: {len(rows):,} "
        f"({int(right[0][rows].sum()):,} {first.name}, {int(right[1][rows].sum()):,} {second.name}); "
        f"predictions of {first.name} | {second.name}"
    )
    return Strip(title, pictures, "There is no such image.")


def ensemble_table(evaluations: Mapping[str, Evaluation], splits: Sequence[str]) -> Table:
    """Accuracies of some models on some splits, with intervals."""
    rows = [
        [
            name,
            *(
                f"{_percent(score.accuracy)} ({percent_limits(score.interval)})"
                for score in map(one.scores.get, splits)
                if score
            ),
        ]
        for name, one in evaluations.items()
    ]
    return Table("accuracies of the ensemble", ["accuracy, % (95%)", *splits], rows)


def said(matrix: DiversityMatrix, pair: PairDiversity | None) -> str:
    """One line on what is shown, to be read out."""
    words = f"{len(matrix.pairs):,} of {matrix.total:,} pairs are compared on {matrix.split}"
    if pair is None:
        return f"{words}. Choose two different models to see a pair."
    return (
        f"{words}. {pair.first} and {pair.second}: exactly one is right for {pair.error_inconsistency:.1%} of the "
        f"images, their ensemble for {pair.ensemble:.1%}."
    )


def _percent(share: float) -> str:
    return f"{100 * share:.2f}"


def _points(mean: Estimate) -> tuple[str, str]:
    return f"{100 * mean.value:+.2f}", f"{100 * mean.low:+.2f} to {100 * mean.high:+.2f}"
