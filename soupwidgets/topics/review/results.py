"""Results of a review: accuracies before and after, kinds of mistakes, agreement, and disputes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import pandas as pd

from soupwidgets.figures.style import interval_words
from soupwidgets.panel.view import Cell, Table
from soupwidgets.suites import Split
from soupwidgets.topics.diversity.members import Member
from soupwidgets.topics.mistakes.multi_labels import (
    MultiLabels,
    MultiLabelScore,
    SliceScore,
    multi_label_accuracy,
    slice_score,
)
from soupwidgets.topics.mistakes.taxonomy import mistake_table
from soupwidgets.topics.review.agreement import TOO_FEW, Agreement, agreement
from soupwidgets.topics.review.label_set import Distribution, Rule, distributions, label_set, minority_views
from soupwidgets.topics.review.label_set import reviewed_mistakes as mistakes_of
from soupwidgets.topics.review.views import View


def results(
    models: Sequence[Member], where: Split, *, classes: Sequence[str], view: View, rule: Rule
) -> tuple[list[Table], list[str]]:
    """Count everything again.

    Tables are of accuracies, kinds of mistakes, and agreement where several people said something; sentences say
    what is disputed.
    """
    settled = label_set(view, where.name, rule)
    whole = settled.completed(where)
    scores = {}
    for model in models:
        said = model.predictions(where.name)
        score = multi_label_accuracy(said, where.labels, whole, len(classes))
        scores[model.name] = score, slice_score(said, whole) if whole.major else None
    tables = [
        score_table(scores, len(settled), split=where.name, images=len(where.labels)),
        mistakes_table(mistake_table(mistakes_of(view, where.name))),
    ]
    counted = distributions(view, where.name)
    if any(one.reviewers > 1 for one in counted.values()):
        tables.append(agreement_table(agreement(view, where.name)))
    return tables, disputed(counted, settled, classes, where.labels.tolist())


def score_table(
    scores: Mapping[str, tuple[MultiLabelScore, SliceScore | None]], reviewed: int, *, split: str, images: int
) -> Table:
    """Single-label and multi-label accuracies of some models, side by side: which one a number is stands above it."""
    rows: list[list[Cell]] = [
        [
            name,
            round(100 * score.single_label, 2),
            round(100 * score.accuracy, 2),
            interval_words((100 * score.low, 100 * score.high), ".2f"),
            f"{major.right} of {major.images}" if major else None,
        ]
        for name, (score, major) in scores.items()
    ]
    skipped = next(iter(scores.values()))[0].problematic
    return Table(
        "accuracies after review",
        ["mean over classes, %", "single-label accuracy", "multi-label accuracy", "95%", "'major' slice, multi-label"],
        rows,
        f"{reviewed:,} of {images:,} images of {split} were reviewed, {skipped:,} of them are problematic and skipped. "
        "The others count by their one label. Choosing images because one model gets them wrong looks for "
        "reasons why that model is right: it gains more than the others.",
    )


def mistakes_table(found: pd.DataFrame) -> Table:
    """How many judged mistakes there are of each kind."""
    columns = ["major", "minor", "not said", "all"]
    rows: list[list[Cell]] = [[str(name), *(int(row[c]) for c in columns)] for name, row in found.iterrows()]
    return Table("mistakes by kind", ["judged mistakes", *columns], rows, "One for each reviewer and image.")


def agreement_table(found: Iterable[Agreement]) -> Table:
    """How far reviewers agree on each question."""
    rows: list[list[Cell]] = [
        [
            one.question,
            "not defined" if one.alpha != one.alpha else round(one.alpha, 2),
            interval_words((one.low, one.high), ".2f"),
            one.images,
        ]
        for one in found
        if one.images
    ]
    return Table(
        "agreement of reviewers", ["Krippendorff's alpha", "alpha", "95%", "images with two answers"], rows,
        f"1 is full agreement, 0 is chance. Disagreement is kept: it may be informative. {TOO_FEW}",
    )  # fmt: skip


def disputed(
    counted: Mapping[int, Distribution], settled: MultiLabels, classes: Sequence[str], labels: Sequence[int]
) -> list[str]:
    """What the label set does not say: a sentence for each image on which reviewers differ."""
    sentences = []
    for row, one in counted.items():
        others = minority_views(one, settled.images[row])
        if not others:
            continue
        said = "; ".join(
            f"{classes[c]}: " + ", ".join(f"{n} of {one.reviewers} say {kind}" for kind, n in sides.items())
            for c, sides in others.items()
        )
        sentences.append(f"image {row} ({classes[labels[row]]}) \u2014 {said}")
    return sentences
