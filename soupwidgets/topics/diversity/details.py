"""What is said of a pair of models, and of an ensemble."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

import numpy as np
from scipy.special import log_softmax

from soupwidgets.evaluation import Evaluation
from soupwidgets.figures.style import interval_words
from soupwidgets.panel.html import ImageCard, gallery
from soupwidgets.stats.estimate import Estimate
from soupwidgets.suites import Suite
from soupwidgets.topics.diversity.members import Member
from soupwidgets.topics.diversity.pairs import PairDiversity

_CELL = 'style="padding:1px 10px;text-align:right;font-variant-numeric:tabular-nums"'
_SHOWN = 24


def pair_table(pair: PairDiversity, soup: float | None) -> str:
    """The numbers of a pair with their intervals; ``soup`` is the accuracy of their average weights, if known."""
    first, second = escape(pair.first), escape(pair.second)
    rows = [
        (f"accuracy of {first}", _percent(pair.accuracies[0]), ""),
        (f"accuracy of {second}", _percent(pair.accuracies[1]), ""),
        ("exactly one is right (error inconsistency)", _percent(pair.error_inconsistency),
         _limits(pair.inconsistency_interval)),
        ("both right", _percent(pair.both_right / pair.images), ""),
        ("oracle: who always asks the right one", _percent(pair.oracle), ""),
        ("same prediction", _percent(pair.agreement), ""),
        ("Cohen's kappa of predictions", f"{pair.kappa.value:.3f}", f"{pair.kappa.low:.3f} to {pair.kappa.high:.3f}"),
        ("ensemble of the two", _percent(pair.ensemble), ""),
        ("its gain over their mean, points", *_points(pair.gain_over_mean)),
        ("its gain over the better one, points", *_points(pair.gain_over_better)),
        ("inconsistent images that it has right", _percent(pair.conversion), _limits(pair.conversion_interval)),
    ]  # fmt: skip
    if soup is not None:
        rows.append(("soup: their average weights", _percent(soup), ""))
    body = "".join(
        f'<tr><th scope="row" style="text-align:left;font-weight:normal">{name}</th>'
        f"<td {_CELL}>{value}</td><td {_CELL}>{interval}</td></tr>"
        for name, value, interval in rows
    )
    return (
        f'<div style="font-size:13px;color:#222"><b>{first} and {second}</b> on {escape(pair.split)}, '
        f"{pair.images:,} images; what differs most between them: {escape(pair.divergence)}"
        f'<table aria-label="numbers of the pair" style="border-collapse:collapse"><thead><tr><th></th>'
        f'<th scope="col" {_CELL}>%</th><th scope="col" {_CELL}>95%</th></tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def pair_gallery(first: Member, second: Member, suite: Suite, split: str) -> str:
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
    cards = []
    for row in order:
        ours = bool(right[0][row])
        name, colour = (first.name, "#0072B2") if ours else (second.name, "#D55E00")
        label = classes[where.labels[row]]
        words = " | ".join(classes[p] if p >= 0 else "none" for p in (said[0][row], said[1][row]))
        alt = f"image {row}: {label}"
        cards.append(ImageCard(where.images[row], alt, label, words, "\u2713", f"only {name}", colour))
    title = (
        f"Images of '{split}' that exactly one of them has right: {len(rows):,} "
        f"({int(right[0][rows].sum()):,} {first.name}, {int(right[1][rows].sum()):,} {second.name}); "
        f"predictions of {first.name} | {second.name}"
    )
    return gallery(title, cards, "There is no such image.")


def ensemble_table(evaluations: Mapping[str, Evaluation], splits: Sequence[str]) -> str:
    """Accuracies of some models on some splits, with intervals."""
    head = "".join(f'<th scope="col" {_CELL}>{escape(split)}</th>' for split in splits)
    rows = []
    for name, evaluation in evaluations.items():
        cells = "".join(
            f'<td {_CELL} title="95%: {_limits(score.interval)}">{_percent(score.accuracy)}</td>'
            for score in (evaluation.scores[split] for split in splits)
        )
        rows.append(f'<tr><th scope="row" style="text-align:left;font-weight:normal">{escape(name)}</th>{cells}</tr>')
    return (
        '<table aria-label="accuracies of the ensemble" style="font-size:13px;color:#222;border-collapse:collapse">'
        f"<thead><tr><th>accuracy, %</th>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    )


def _percent(share: float) -> str:
    return f"{100 * share:.2f}"


def _limits(interval: tuple[float, float]) -> str:
    return interval_words((100 * interval[0], 100 * interval[1]), ".1f")


def _points(mean: Estimate) -> tuple[str, str]:
    return f"{100 * mean.value:+.2f}", f"{100 * mean.low:+.2f} to {100 * mean.high:+.2f}"
