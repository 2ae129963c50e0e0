"""Results of a review: accuracies before and after, kinds of mistakes, agreement, and disputes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from math import isnan

import pandas as pd

from soupwidgets.figures.style import interval_words
from soupwidgets.topics.mistakes.multi_labels import MultiLabels, MultiLabelScore, SliceScore
from soupwidgets.topics.review.agreement import TOO_FEW, Agreement
from soupwidgets.topics.review.label_set import Distribution, minority_views

_CELL = 'style="padding:1px 10px;text-align:right;font-variant-numeric:tabular-nums"'
_NAME = 'scope="row" style="text-align:left;font-weight:normal;overflow-wrap:anywhere"'
_SHOWN = 20


def score_table(
    scores: Mapping[str, tuple[MultiLabelScore, SliceScore | None]], reviewed: int, split: str, images: int
) -> str:
    """Single-label and multi-label accuracies of some models, side by side in labelled columns."""
    rows = [
        f"<tr><th {_NAME}>{escape(name)}</th><td {_CELL}>{100 * score.single_label:.2f}</td>"
        f"<td {_CELL}><b>{100 * score.accuracy:.2f}</b></td>"
        f"<td {_CELL}>{interval_words((100 * score.low, 100 * score.high), '.2f')}</td>"
        f"<td {_CELL}>{f'{major.right} of {major.images}' if major else ''}</td></tr>"
        for name, (score, major) in scores.items()
    ]
    skipped = next(iter(scores.values()))[0].problematic
    return _table(
        "accuracies after review",
        ["mean over classes, %", "single-label accuracy", "multi-label accuracy", "95%", "'major' slice, multi-label"],
        rows,
        f"{reviewed:,} of {images:,} images of {split} were reviewed, {skipped:,} of them are problematic and skipped. "
        "The others count by their one label. Choosing images because one model gets them wrong looks for "
        "reasons why that model is right: it gains more than the others.",
    )


def mistakes_html(table: pd.DataFrame) -> str:
    """Table of judged mistakes by kind."""
    columns = ["major", "minor", "not said", "all"]
    rows = [
        f"<tr><th {_NAME}>{escape(str(name))}</th>"
        + "".join(f"<td {_CELL}>{int(row[c]):,}</td>" for c in columns) + "</tr>"
        for name, row in table.iterrows()
    ]  # fmt: skip
    return _table("mistakes by kind", ["judged mistakes", *columns], rows, "One for each reviewer and image.")


def agreement_html(found: Sequence[Agreement]) -> str:
    """Table of the reviewers' agreement on each question."""
    rows = [
        f"<tr><th {_NAME}>{escape(one.question)}</th><td {_CELL}>{_alpha(one.alpha)}</td>"
        f"<td {_CELL}>{interval_words((one.low, one.high), '.2f')}</td>"
        f"<td {_CELL}>{one.images:,}</td></tr>"
        for one in found
        if one.images
    ]
    return _table(
        "agreement of reviewers", ["Krippendorff's alpha", "alpha", "95%", "images with two answers"], rows,
        f"1 is full agreement, 0 is chance. Disagreement is kept: it may be informative. {TOO_FEW}",
    )  # fmt: skip


def disputed_html(
    counted: Mapping[int, Distribution], settled: MultiLabels, classes: Sequence[str], labels: Sequence[int]
) -> str:
    """What the label set leaves out, image by image, in a collapsed section."""
    items = []
    for row, one in counted.items():
        others = minority_views(one, settled.images[row])
        if not others:
            continue
        said = "; ".join(
            f"{escape(classes[c])}: " + ", ".join(f"{n} of {one.reviewers} say {kind}" for kind, n in sides.items())
            for c, sides in others.items()
        )
        items.append(f"<li>image {row} ({escape(classes[labels[row]])}) \u2014 {said}</li>")
    if not items:
        return ""
    more = f"<li>and {len(items) - _SHOWN:,} more</li>" if len(items) > _SHOWN else ""
    return (
        f'<details style="font-size:13px;color:#222"><summary>What this label set does not say: {len(items):,} images '
        f"on which reviewers differ</summary><ul>{''.join(items[:_SHOWN])}{more}</ul></details>"
    )


def _alpha(value: float) -> str:
    return "not defined" if isnan(value) else f"{value:.2f}"


def _table(label: str, head: Sequence[str], rows: Sequence[str], note: str) -> str:
    first, *others = (escape(one) for one in head)
    cells = "".join(f'<th scope="col" {_CELL}>{one}</th>' for one in others)
    return (
        f'<table aria-label="{escape(label)}" style="font-size:13px;color:#222;border-collapse:collapse">'
        f'<thead><tr><th style="text-align:left">{first}</th>{cells}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table>"
        f'<p style="font-size:12px;color:#444;max-width:70ch;line-height:1.35">{escape(note)}</p>'
    )
