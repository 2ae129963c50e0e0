"""What is said of a pair of models, and of an ensemble."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go
from scipy.special import log_softmax

from soupwidgets.evaluation import Evaluation
from soupwidgets.figures.units import unit_of
from soupwidgets.panel.examples import examples_word, one_example, picture_of
from soupwidgets.panel.measured import percent_limits, saved_table
from soupwidgets.panel.view import Picture, Strip, Table
from soupwidgets.stats.estimate import Estimate
from soupwidgets.stats.intervals import clopper_pearson
from soupwidgets.stats.paired import PairedTest
from soupwidgets.suites import Split, Suite
from soupwidgets.topics.diversity import figures
from soupwidgets.topics.diversity.combining import Combination
from soupwidgets.topics.diversity.matrices import DiversityMatrix
from soupwidgets.topics.diversity.members import Member
from soupwidgets.topics.diversity.pairs import PairDiversity
from soupwidgets.topics.diversity.representations import HALF, CombinedFeatures
from soupwidgets.topics.diversity.specialists import class_specialists, specialisation

_SHOWN = 24
# The others beside that of the table.
_WAYS: dict[Combination, str] = {
    "plain logits": "ensemble without calibration, %",
    "calibrated probabilities": "ensemble of calibrated probabilities, %",
}


def pair_table(pair: PairDiversity, soup: float | None, suite: Suite, ways: Mapping[Combination, float]) -> Table:
    """The numbers of a pair with their intervals.

    ``soup`` is the accuracy of their average weights, if known, and ``ways`` that of their ensembles.
    """
    several, examples = suite.task == "multi-label", examples_word(suite)
    right = "all labels right by" if several else "accuracy of"
    rows = [
        (f"{right} {pair.first}, %", _percent(pair.accuracies[0]), ""),
        (f"{right} {pair.second}, %", _percent(pair.accuracies[1]), ""),
        ("exactly one is right (error inconsistency), %", _percent(pair.error_inconsistency),
         percent_limits(pair.inconsistency_interval)),
        ("both right or both wrong, if they were independent, %", _percent(pair.expected_consistency), ""),
        ("error consistency (kappa of being right)", f"{pair.error_consistency.value:.3f}",
         f"{pair.error_consistency.low:.3f} to {pair.error_consistency.high:.3f}"),
        ("both right, %", _percent(pair.both_right / pair.images), ""),
        ("oracle: who always asks the right one, %", _percent(pair.oracle), ""),
        ("same prediction, %", _percent(pair.agreement), ""),
        ("Cohen's kappa of predictions", f"{pair.kappa.value:.3f}", f"{pair.kappa.low:.3f} to {pair.kappa.high:.3f}"),
        ("ensemble of the two, %", _percent(pair.ensemble), ""),
        ("its gain over their mean, points", *_points(pair.gain_over_mean)),
        ("its gain over the better one, points", *_points(pair.gain_over_better)),
        (f"inconsistent {examples} that it has right, %", _percent(pair.conversion),
         percent_limits(pair.conversion_interval)),
        *((_WAYS[how], _percent(value), "") for how, value in ways.items() if how in _WAYS),
    ]  # fmt: skip
    unit = unit_of(suite.splits[pair.split].scoring.metric)
    if soup is not None:
        of = "" if unit.words == "accuracy" else f" {unit.words}"
        rows.append((f"soup: their average weights,{of}{unit.percent}", unit.bare(soup), ""))
    title = f"{pair.first} and {pair.second} on {pair.split}, {pair.images:,} {examples}"
    note = f"What differs most between their trainings: {pair.divergence}."
    return Table(title, ["number", "value", "95%"], rows, note)


def by_image(
    a: Member, b: Member, suite: Suite, split: str, superclasses: Mapping[str, Sequence[str]] | None
) -> tuple[dict[str, go.Figure], Strip]:
    """Figures and pictures of two models, image by image: too much to be worked out again with every view."""
    if suite.task != "single-label":
        return {}, pair_strip(a, b, suite, split)
    drawn = {
        "confidences": figures.confidences(specialisation(a, b, suite, split)),
        "classes": figures.specialists(class_specialists(a, b, suite, split), a.name, b.name),
    }
    if superclasses:
        found = class_specialists(a, b, suite, split, superclasses=superclasses)
        drawn["superclasses"] = figures.specialists(found, a.name, b.name, "superclass")
    return drawn, pair_strip(a, b, suite, split)


def unprobed(models: Sequence[Member], suite: Suite) -> str:
    """Why features of these cannot be probed; empty where they can."""
    if suite.task != "single-label":
        return "probes are fitted where every example has one label"
    known = sum(one.run is not None for one in models)
    return "" if known > 1 else "these models are known only by their logits"


def features_table(found: CombinedFeatures, split: str) -> Table:
    """What probes on the features of two models read, and what they gain over those on each alone."""
    rows = []
    for one in found.readings:
        low, high = clopper_pearson(int(one.right[split].sum()), len(one.right[split]))
        row = [one.name, one.features or None, _percent(one.right[split].mean()), percent_limits((low, high))]
        if {0.0, 1.0} <= set(found.probes):
            row += [_gain(test) for test in found.gains(split, one)]
        rows.append(row + [""] * (6 - len(row)))
    over = [f"over {name} alone, points (95%)" for name in (found.first, found.second)]
    note = f"Probes are fitted to {found.fit}, features chosen there."
    if {0.0, HALF, 1.0} <= set(found.probes):
        answer = found.answer(split)
        note = f"{answer[:1].upper()}{answer[1:]}. {note}"
    title = f"features of {found.first} and {found.second}, read on {split}"
    return Table(title, ["read by", "features", "accuracy, %", "95%", *over], rows, note)


def every_pair(matrix: DiversityMatrix) -> Table:
    """The numbers of all pairs, to be saved."""
    return saved_table(f"diversity on {matrix.split}", matrix.to_frame())


def pair_strip(first: Member, second: Member, suite: Suite, split: str) -> Strip:
    """Images that exactly one of two models has right, the most confidently mistaken first."""
    where = suite.splits[split]
    right = first.right(where), second.right(where)
    rows = np.flatnonzero(right[0] != right[1])
    classes = suite.class_names(split)
    if where.scoring.task == "multi-label":
        return _several(first, second, suite, where)
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
        pictures.append(picture_of(where, int(row), label=label, said=words, verdict=f"only {name}", mark="\u2713"))
    return _strip(first, second, suite, where, pictures)


def _several(first: Member, second: Member, suite: Suite, where: Split) -> Strip:
    """The same for examples with several labels, in the split's order."""
    classes = np.array(suite.class_names(where.name))
    right = first.right(where), second.right(where)
    positive = first.load(where.name) > 0, second.load(where.name) > 0
    pictures = []
    for row in np.flatnonzero(right[0] != right[1])[:_SHOWN]:
        label, *words = (", ".join(classes[one[row]]) or "none" for one in (where.labels > 0, *positive))
        verdict = f"only {first.name if right[0][row] else second.name}"
        known = {"said": " | ".join(words), "verdict": verdict, "mark": "\u2713"}
        pictures.append(picture_of(where, int(row), label=label, **known))
    return _strip(first, second, suite, where, pictures)


def _strip(first: Member, second: Member, suite: Suite, where: Split, pictures: Sequence[Picture]) -> Strip:
    right, examples = (first.right(where), second.right(where)), examples_word(suite)
    only = int((right[0] & ~right[1]).sum()), int((right[1] & ~right[0]).sum())
    title = (
        f"{examples.capitalize()} of '{where.name}' that exactly one of them has right: {sum(only):,} "
        f"({only[0]:,} {first.name}, {only[1]:,} {second.name}); "
        f"predictions of {first.name} | {second.name}"
    )
    return Strip(title, pictures, f"There is no such {one_example(suite)}.")


def ensemble_table(evaluations: Mapping[str, Evaluation], splits: Sequence[str]) -> Table:
    """Scores of some models on some splits, with intervals."""
    unit = unit_of(*evaluations.values())
    rows = [
        [
            name,
            *(
                f"{unit.bare(score.accuracy)} ({unit.limits(score.interval).replace('%', '')})"
                for score in map(one.scores.get, splits)
                if score
            ),
        ]
        for name, one in evaluations.items()
    ]
    return Table("scores of the ensemble", [f"{unit.words}{', %' if unit.share else ''} (95%)", *splits], rows)


def said(matrix: DiversityMatrix, pair: PairDiversity | None, examples: str = "images") -> str:
    """One line on what is shown, to be read out."""
    words = f"{len(matrix.pairs):,} of {matrix.total:,} pairs are compared on {matrix.split}"
    if pair is None:
        return f"{words}. Choose two different models to see a pair."
    return (
        f"{words}. {pair.first} and {pair.second}: exactly one is right for {pair.error_inconsistency:.1%} of the "
        f"{examples}, their ensemble for {pair.ensemble:.1%}."
    )


def _percent(share: float) -> str:
    return f"{100 * share:.2f}"


def _points(mean: Estimate) -> tuple[str, str]:
    return f"{100 * mean.value:+.2f}", f"{100 * mean.low:+.2f} to {100 * mean.high:+.2f}"


def _gain(test: PairedTest) -> str:
    low, high = test.interval
    return f"{100 * test.difference:+.2f} ({100 * low:+.2f} to {100 * high:+.2f})"
