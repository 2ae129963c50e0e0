"""``soupwidgets mistakes``: published reviews and label sets, and classes that mean the same."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import pandas as pd
import typer

from soupwidgets.commands.inputs import tested_split
from soupwidgets.commands.options import DeviceOption, ModelOption, PartOption, StoreOption, SuiteOption, named_model
from soupwidgets.commands.places import output_file
from soupwidgets.commands.reports import Report, plain, reporting
from soupwidgets.stats.paired import PairedTest
from soupwidgets.suites import Split, Suite, imagenet_collapsed_classes, read_collapsed_classes, write_slice
from soupwidgets.text import one_line
from soupwidgets.topics.diversity.members import Member
from soupwidgets.topics.diversity.report import given_members
from soupwidgets.topics.mistakes.collapse_effect import CollapseEffect, collapse_effect
from soupwidgets.topics.mistakes.major_split import major_split
from soupwidgets.topics.mistakes.mistake_files import read_mistakes
from soupwidgets.topics.mistakes.released import read_imagenet_logits
from soupwidgets.topics.mistakes.review_comparison import compare_reviews
from soupwidgets.topics.review.label_set import Rule
from soupwidgets.topics.review.report import open_labels

_PAIRS = 20
LogitsOption = Annotated[
    list[str] | None, typer.Option(help="NAME:SPLIT=FILE of a model's logits (npy, npz, pt, csv); repeatable.")
]
ReleasedOption = Annotated[
    list[str] | None,
    typer.Option(
        "--imagenet-logits",
        help="NAME=FILE of logits of ImageNet's 50,000 validation images, in the order of their numbers; repeatable.",
    ),
]
PoolsOption = Annotated[list[str] | None, typer.Option(help="Folder or file of checkpoints; repeatable.")]
_Split = Annotated[str | None, typer.Option(help="Name of the split; the in-distribution test if not given.")]
WITHOUT = (
    "The suite has no validation split: predictions need none. Nothing is chosen or calibrated: temperatures are 1."
)


def scored_models(
    suite: Suite,
    where: Split,
    *,
    pool: Sequence[str] | None,
    logits: Sequence[str] | None,
    released: Sequence[str] | None,
    part: str | None,
    network: str | None,
    device: str,
    store: Path | None,
) -> list[Member]:
    """Models that a command is given: checkpoints, logits, and logits in ImageNet's own order.

    Raises
    ------
    ValueError
        When there is none, or an entry is malformed.
    """
    model = None if network is None else named_model(network, suite.outputs)
    found = given_members(
        pool or [], suite, where, logits=logits, store=store, device=device, progress=sys.stderr.isatty(), part=part,
        model=model,
    )  # fmt: skip
    for entry in released or []:
        name, equals, path = entry.partition("=")
        if not (name and equals and path):
            raise ValueError(f"--imagenet-logits {entry}: expected NAME=FILE")
        known = read_imagenet_logits(path, suite, split=where.name)
        found.append(Member(name, (where.name,), {where.name: known}.__getitem__))
    if not found:
        raise ValueError("no model to score: give --pool, --logits or --imagenet-logits")
    return found


def without_validation(suite: Suite) -> str:
    """What a suite without a validation split means for mistakes, as another paragraph; empty if it has one."""
    return "" if suite.reference.role == "validation" else f"\n\n{WITHOUT}"


@reporting
def compare(
    first: Annotated[Path, typer.Argument(help="A model's reviewed mistakes, as they were published.")],
    second: Annotated[Path, typer.Argument(help="Those of another model on the same images.")],
    images: Annotated[
        int | None, typer.Option(help="How many images both were scored on; those that have a mistake if not given.")
    ] = None,
) -> Report:
    """Compare two published reviews: which mistakes are shared, with the same prediction, and major in both."""
    read = [read_mistakes(path) for path in (first, second)]
    names = (first.stem, second.stem) if first.stem != second.stem else (str(first), str(second))
    found = compare_reviews(read[0].mistakes, read[1].mistakes, names=names, images=images)
    table = found.to_frame()
    shown = table.assign(mistakes=[one_line(text) for text in table["mistakes"]], share=_percent(table["share"]))
    shown["95%"] = [
        "" if one.total == 0 else f"{100 * one.interval[0]:.1f} to {100 * one.interval[1]:.1f}" for one in found.counts
    ]
    of = "of all images" if images is not None else "of the images with a mistake"
    a, b = map(one_line, names)
    lines = [
        f"{len(found.only_first) + len(found.both):,} mistakes of {a}, {len(found.only_second) + len(found.both):,} of "
        f"{b}; {len(found.only_first):,} and {len(found.only_second):,} are only theirs.",
        shown[["mistakes", "count", "of", "share", "95%"]].to_string(index=False, na_rep=""),
        f"{b} minus {a}, images without a mistake: {_difference(found.mistakes, of)}",
        f"{b} minus {a}, images without a major mistake: {_difference(found.major, of)}",
        *(f"Warning: {path}: {one.warning}" for path, one in zip((first, second), read, strict=True) if one.warning),
    ]
    pairs = {"same_prediction": found.same_prediction, "major_in_both": found.major_in_both}
    content = {
        "names": names,
        "only_first": [one.image for one in found.only_first],
        "only_second": [one.image for one in found.only_second],
        "both": [one.image for one, _ in found.both],
        **{name: [one.image for one, _ in some] for name, some in pairs.items()},
        "images": found.images,
        "counts": [{**plain(one), "share": plain(one.share)} for one in found.counts],
        "mistakes": found.mistakes,
        "major": found.major,
    }
    return Report(content, "\n\n".join(lines))


@reporting
def split(
    labels: Annotated[Path, typer.Argument(help="ImageNet's human_accuracy JSON, an export, or a session file.")],
    suite: SuiteOption,
    out: Annotated[Path, typer.Option(help="File for the slice.", callback=output_file)],
    name: Annotated[str, typer.Option(help="What the slice is called.")] = "major",
    split: _Split = None,
    rule: Annotated[Rule, typer.Option(help="Whether every view counts, or only the majority's.")] = "all views",
) -> Report:
    """Write the images of major mistakes (ImageNet-M) as a slice with all accepted labels, for --slice elsewhere."""
    opened = Suite.open(suite, choosing=False)
    where = tested_split(opened, split)
    made = major_split(open_labels(labels, opened, split=where.name, rule=rule), where, name=name)
    opened.with_slices([made])
    write_slice(out, made)
    text = f"{out}: {len(made):,} images of {where.name}, scored by the share with an accepted label. {made.caution}"
    return Report({"written": out, "images": len(made), "rows": made.rows}, one_line(text))


@reporting
def collapse(
    suite: SuiteOption,
    classes: Annotated[
        Path | None,
        typer.Option(help="JSON file of classes that mean the same; ImageNet's published list if none."),
    ] = None,
    labels: Annotated[
        Path | None, typer.Option(help="Reviewed labels: mistakes are then predictions that they do not accept.")
    ] = None,
    pool: PoolsOption = None,
    logits: LogitsOption = None,
    released: ReleasedOption = None,
    split: _Split = None,
    part: PartOption = None,
    network: ModelOption = None,
    device: DeviceOption = "auto",
    store: StoreOption = None,
) -> Report:
    """Count the mistakes that are none once classes that mean the same are collapsed."""
    opened = Suite.open(suite, choosing=False)
    where = tested_split(opened, split)
    given = imagenet_collapsed_classes() if classes is None else read_collapsed_classes(classes)
    names = opened.class_names(where.name)
    multi = None if labels is None else open_labels(labels, opened, split=where.name, rule="all views")
    models = scored_models(
        opened, where, pool=pool, logits=logits, released=released, part=part, network=network, device=device,
        store=store,
    )  # fmt: skip
    found = {
        one.name: collapse_effect(one.predictions(where.name), where.labels, given, names, multi=multi)
        for one in models
    }
    table = pd.DataFrame([_effect_row(name, one, reviewed=multi is not None) for name, one in found.items()])
    lines = [table.to_string(index=False), *(_pairs_line(name, one) for name, one in found.items() if one.pairs)]
    said = f"Collapsed by: {one_line(given.source)}" if given.source else ""
    content = {"split": where.name, "source": given.source, "models": [
        {"model": name, **plain(one), "removed": one.removed} for name, one in found.items()
    ]}  # fmt: skip
    return Report(content, "\n\n".join([*lines, *([said] if said else [])]) + without_validation(opened))


def _effect_row(name: str, effect: CollapseEffect, *, reviewed: bool) -> dict[str, object]:
    low, high = effect.test.interval
    return {
        "model": one_line(name),
        "mistakes": effect.before,
        "after": effect.after,
        "removed": effect.removed,
        "points": f"{100 * effect.test.difference:+.2f}",
        "95%": f"{100 * low:+.2f} to {100 * high:+.2f}",
        # Counted as right, before and after, where nobody is sure.
        **({"perhaps": f"{effect.perhaps_before}, {effect.perhaps_after}"} if reviewed else {}),
    }


def _pairs_line(name: str, effect: CollapseEffect) -> str:
    shown = "; ".join(f"{label} called {said} ({times:,})" for label, said, times in effect.pairs[:_PAIRS])
    more = f"; and {len(effect.pairs) - _PAIRS} more pairs" if len(effect.pairs) > _PAIRS else ""
    return one_line(f"{name}: {shown}{more}")


def _difference(test: PairedTest, of: str) -> str:
    low, high = test.interval
    return (
        f"{test.only_second - test.only_first:+,} images, {100 * test.difference:+.2f} points {of} "
        f"[{100 * low:+.2f}, {100 * high:+.2f}], McNemar's p = {test.p_value:.2g}"
    )


def _percent(shares: pd.Series) -> pd.Series:
    return (100 * shares).round(1)
