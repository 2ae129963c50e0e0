"""Results of a review: accuracies before and after, kinds of mistakes, agreement, and disputes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import isfinite

import pandas as pd

from soupwidgets.figures.style import interval_words
from soupwidgets.panel.view import Cell, Table
from soupwidgets.stats.estimate import Estimate
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
from soupwidgets.topics.review.consensus import QUESTIONS, Consensus, consensus
from soupwidgets.topics.review.extrapolation import OUTCOMES, Extrapolation, extrapolate
from soupwidgets.topics.review.label_set import (
    Distribution,
    Rule,
    distributions,
    label_set,
    minority_views,
    without_perhaps,
)
from soupwidgets.topics.review.label_set import reviewed_mistakes as mistakes_of
from soupwidgets.topics.review.views import View


def results(
    models: Sequence[Member], where: Split, *, classes: Sequence[str], view: View, rule: Rule
) -> tuple[list[Table], dict[int, str]]:
    """Count everything again.

    Tables are of accuracies, kinds of mistakes, what samples say of all images, and agreement where several people said
    something; sentences say what is disputed, by row.
    """
    settled = label_set(view, where.name, rule)
    whole = settled.completed(where)
    scores = {}
    for model in models:
        said = model.predictions(where.name)
        score = multi_label_accuracy(said, where.labels, whole, len(classes))
        sure = multi_label_accuracy(said, where.labels, without_perhaps(whole), len(classes))
        scores[model.name] = score, sure, slice_score(said, whole) if whole.major else None
    tables = [
        score_table(scores, len(settled), split=where.name, images=len(where.labels)),
        mistakes_table(mistake_table(mistakes_of(view, where.name))),
    ]
    samples = [sample for sample in view.samples.values() if sample.split == where.name]
    found = [extrapolate(view, sample, model, where, rule) for sample in samples for model in models]
    if any(one.looked_at for one in found):
        tables.append(sample_table([one for one in found if one.looked_at]))
    counted = distributions(view, where.name)
    if any(one.reviewers > 1 for one in counted.values()):
        tables.append(agreement_table(agreement(view, where.name)))
        tables.append(consensus_table(consensus(view, where, classes)))
    return tables, disputed(counted, settled, classes, where.labels.tolist())


def score_table(
    scores: Mapping[str, tuple[MultiLabelScore, MultiLabelScore, SliceScore | None]],
    reviewed: int,
    *,
    split: str,
    images: int,
) -> Table:
    """Single-label and multi-label accuracies of some models, side by side: which one a number is stands above it.

    The second score counts no 'perhaps'.
    """
    rows: list[list[Cell]] = [
        [
            name,
            round(100 * score.single_label, 2),
            round(100 * score.accuracy, 2),
            interval_words((100 * score.low, 100 * score.high), ".2f"),
            round(100 * (score.accuracy - sure.accuracy), 2),
            major.words if major else None,
        ]
        for name, (score, sure, major) in scores.items()
    ]
    skipped = next(iter(scores.values()))[0].problematic
    return Table(
        "accuracies after review",
        [
            "mean over classes, %",
            "single-label accuracy",
            "multi-label accuracy",
            "95%",
            "of it only perhaps",
            "'major' slice, multi-label",
        ],
        rows,
        f"{reviewed:,} of {images:,} images of {split} were reviewed, {skipped:,} of them are problematic and skipped. "
        "The others count by their one label. Choosing images because one model gets them wrong looks for "
        "reasons why that model is right: it gains more than the others. Multi-label accuracy counts labels that are "
        "perhaps right, as is usual; without them it is lower by what stands in the column beside it.",
    )


def sample_table(found: Sequence[Extrapolation]) -> Table:
    """What reviewed samples say of all images: right, perhaps, not right and problematic, each for itself."""
    rows: list[list[Cell]] = []
    for one in found:
        for part in one.shares:
            shares = (_share_words(part.shares[kind], part.images) for kind in OUTCOMES)
            rows.append([f"{one.model}, {part.of} ({part.images:,})", part.seen, *shares, one.sample.name])
    counted = {
        f"{one.sample.name}: {one.looked_at:,} of {len(one.sample.rows):,} images drawn, {one.blind:,} judged blind."
        for one in found
    }
    return Table(
        "what a sample says of all images",
        ["predictions", "looked at", *(f"{kind}, %" for kind in OUTCOMES), "sample"],
        rows,
        "Is what the model predicts a right label? Shares with 95% limits, and how many images that would be. Mistakes "
        "whose prediction is right are none; right predictions that are not right are mistakes that nobody had "
        "noticed. 'Perhaps' is added to neither. What was passed over is within the limits, whatever it is. "
        + " ".join(sorted(counted)),
    )


def _share_words(share: Estimate, images: int) -> str:
    if not isfinite(share.value):
        return "too few to say"
    limits = interval_words((100 * share.low, 100 * share.high), ".1f")
    return f"{100 * share.value:.1f} ({limits}), about {share.value * images:,.0f}"


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


def consensus_table(found: Iterable[Consensus]) -> Table:
    """Where reviewers agree, by class and question; nobody is named or compared."""
    cells: dict[str, dict[str, str]] = {}
    for one in found:
        images = "1 image" if one.images == 1 else f"{one.images:,} images"
        cells.setdefault(one.of, {})[one.question] = f"{100 * one.agreement:.0f}% of {images}"
    rows: list[list[Cell]] = [[name, *(said.get(question) for question in QUESTIONS)] for name, said in cells.items()]
    return Table(
        "where reviewers agree", ["images labelled", *QUESTIONS], rows,
        "How many pairs of people who judged the same image say the same of it, averaged over images. Where few agree, "
        "the question or the class may be the problem: it is not said who differs, for that is no fault.",
    )  # fmt: skip


def disputed(
    counted: Mapping[int, Distribution], settled: MultiLabels, classes: Sequence[str], labels: Sequence[int]
) -> dict[int, str]:
    """What the label set does not say: a sentence for each image on which reviewers differ, by row."""
    sentences = {}
    for row, one in counted.items():
        others = minority_views(one, settled.images[row])
        if not others:
            continue
        said = "; ".join(
            f"{classes[c]}: " + ", ".join(f"{n} of {one.reviewers} say {kind}" for kind, n in sides.items())
            for c, sides in others.items()
        )
        sentences[row] = f"image {row} ({classes[labels[row]]}) \u2014 {said}"
    return sentences
