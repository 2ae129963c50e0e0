"""``soupwidgets mistakes``: reviewed mistakes without a notebook."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from soupwidgets.commands.inputs import tested_split
from soupwidgets.commands.options import DeviceOption, ModelOption, PartOption, StoreOption, SuiteOption
from soupwidgets.commands.places import output_file
from soupwidgets.commands.reports import Report, reporting
from soupwidgets.suites import Suite, write_slice
from soupwidgets.text import one_line
from soupwidgets.topics.review import published
from soupwidgets.topics.review.crossing import small_cells
from soupwidgets.topics.review.duplicates import duplicates
from soupwidgets.topics.review.exports import slice_summary
from soupwidgets.topics.review.files import export_labels, write_copy
from soupwidgets.topics.review.label_set import Rule
from soupwidgets.topics.review.major import major_slice
from soupwidgets.topics.review.report import (
    merged,
    open_labels,
    open_session,
    score_report,
    summary_report,
    summary_text,
)
from soupwidgets.topics.review.views import view

app = typer.Typer(
    no_args_is_help=True,
    help="Reviewed mistakes: kinds, scores, exports, merging of sessions, comparison of reviews; classes that mean the "
    "same, and images that were trained on.",
)
for run in (published.compare, published.split, published.collapse, duplicates):
    app.command(run.__name__)(run)

_Session = Annotated[str, typer.Argument(help="File of a session; with --reviews, its id.")]
_Reviews = Annotated[str | None, typer.Option(help="Where sessions are stored: an SQLite file or a postgresql:// URL.")]
_Rule = Annotated[Rule, typer.Option(help="Whether every view counts, or only the majority's.")]
_Split = Annotated[str | None, typer.Option(help="Name of the split; the in-distribution test if not given.")]


@app.command("summary")
@reporting
def summary(session: _Session, reviews: _Reviews = None) -> Report:
    """Show kinds and severities of mistakes in a session or a published file, and how far reviewers agree."""
    report = summary_report(session, reviews)
    return Report(report, summary_text(report))


@app.command("score")
@reporting
def score(
    labels: Annotated[Path, typer.Argument(help="An export, a session file, or ImageNet's human_accuracy JSON.")],
    suite: SuiteOption,
    pool: published.PoolsOption = None,
    logits: published.LogitsOption = None,
    released: published.ReleasedOption = None,
    split: _Split = None,
    rule: _Rule = "all views",
    reviewed_only: Annotated[bool, typer.Option("--reviewed-only", help="Score reviewed images only.")] = False,
    part: PartOption = None,
    network: ModelOption = None,
    device: DeviceOption = "auto",
    store: StoreOption = None,
) -> Report:
    """Show models' multi-label accuracy next to their single-label accuracy, and the count on the 'major' slice."""
    opened = Suite.open(suite, choosing=False)
    where = tested_split(opened, split)
    given = open_labels(labels, opened, split=where.name, rule=rule)
    models = published.scored_models(
        opened, where, pool=pool, logits=logits, released=released, part=part, network=network, device=device,
        store=store,
    )  # fmt: skip
    report = score_report(models, opened, split=where.name, given=given, reviewed_only=reviewed_only)
    return replace(report, text=report.text + published.without_validation(opened))


@app.command("export")
@reporting
def export(
    session: _Session,
    suite: SuiteOption,
    out: Annotated[Path, typer.Option(help="File for the labels.", callback=output_file)],
    major: Annotated[Path | None, typer.Option(help="File for the 'major' slice.", callback=output_file)] = None,
    reviews: _Reviews = None,
    split: _Split = None,
    rule: _Rule = "all views",
    yes: Annotated[bool, typer.Option("--yes", help="Write without asking.")] = False,
) -> Report:
    """Show which shared judgements would be exported, ask, and write them: labels, and the 'major' slice."""
    where = tested_split(Suite.open(suite, choosing=False), split)
    known = view(open_session(session, reviews)[1])
    made = export_labels(known, where, rule=rule)
    chosen = major_slice(known, where, rule=rule) if major else None
    for sentence in (*made.summary, *(slice_summary(chosen) if chosen else ())):
        print(one_line(sentence), file=sys.stderr)
    if not yes:
        typer.confirm("Write it?", abort=True, err=True)
    written = [made.write(out)]
    if major and chosen:
        written.append(write_slice(major, chosen))
    return Report({"written": written, "summary": made.summary})


@app.command("merge")
@reporting
def merge(
    files: Annotated[list[Path], typer.Argument(help="Files of the same session, in any order.")],
    out: Annotated[Path, typer.Option(help="File for the merged session.", callback=output_file)],
) -> Report:
    """Merge copies of a session; what was withdrawn in any of them stays withdrawn."""
    id, state, known = merged(files)
    for sentence in small_cells(list(known.shown_slices().values())):
        print(one_line(sentence), file=sys.stderr)
    write_copy(out, id, state)
    judgements, reviewers = len(known.judgements), len({author for author, _ in known.judgements})
    return Report(
        {"session": id, "judgements": judgements, "reviewers": reviewers, "taken back": len(state.gone)},
        f"{out}: {judgements:,} judgements by {reviewers:,} reviewers, {len(state.gone):,} taken back",
    )
