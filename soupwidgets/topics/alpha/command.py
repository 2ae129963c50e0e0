"""``soupwidgets sweep``: accuracy along alpha; ``soupwidgets regressions``: who pays for a mixture or a soup."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import typer

from soupwidgets.commands.inputs import tested_split
from soupwidgets.commands.reports import Report, measuring_slices
from soupwidgets.evaluation import Evaluation, Evaluator
from soupwidgets.evaluation.axis_names import column_label
from soupwidgets.methods import alpha_sweep
from soupwidgets.stats.metrics import METRIC_WORDS, shown
from soupwidgets.topics.alpha.groups import groups_of
from soupwidgets.topics.alpha.judged_file import read_judged
from soupwidgets.topics.alpha.kinds import Kinds, mistake_kinds
from soupwidgets.topics.alpha.report import kinds_text, regressions_report
from soupwidgets.topics.alpha.who_pays import By
from soupwidgets.topics.alpha.worst import worst_scores

_KINDS: tuple[Kinds, ...] = ("category", "severity")


@measuring_slices
def sweep(
    ev: Evaluator,
    fine_tuned: Annotated[str, typer.Option(help="Name of the fine-tuned checkpoint.")],
    alphas: Annotated[int, typer.Option(min=2, help="Number of evenly spaced alphas from 0 to 1.")] = 11,
    judged: Annotated[
        Path | None,
        typer.Option(
            help="CSV of judged mistakes (image, prediction, category, severity), to count how many of each kind are "
            "left."
        ),
    ] = None,
    judged_on: Annotated[
        str | None, typer.Option(help="Split of the judged mistakes; the in-distribution test if not given.")
    ] = None,
    worst: Annotated[
        By | None, typer.Option(help="Choose alpha by the worst class, slice or group of validation images as well.")
    ] = None,
) -> Report:
    """Measure accuracy on every split along the line from the zero-shot to a fine-tuned model (WiSE-FT)."""
    mistakes, where = None if judged is None else read_judged(judged), tested_split(ev.suite, judged_on)
    if mistakes is not None:
        # What is wrong with the table is said before an hour of measuring.
        mistake_kinds({}, ev.suite, mistakes, where)
    if worst is not None:
        groups_of(ev.suite, ev.suite.validation, worst)
    result = alpha_sweep(ev, fine_tuned, alphas=alphas, progress=sys.stderr.isatty())
    best = result.best_alpha()
    mean_ood = {alpha: _mean_ood(result[alpha]) for alpha in result.alphas}
    records = [
        {
            "alpha": alpha,
            "splits": {record["split"]: record for record in result[alpha].to_records()},
            "mean_ood": mean_ood[alpha],
        }
        for alpha in result.alphas
    ]
    table = result.to_frame().pivot(index="alpha", columns="split", values="accuracy")[list(result[best].scores)]
    table.columns = pd.Index([column_label(result[best], name) for name in table.columns], name="split")
    if all(mean_ood.values()):
        table["mean OOD"] = pd.Series({alpha: mean["accuracy"] for alpha, mean in mean_ood.items() if mean})
    metrics = {column_label(result[best], name): score.metric for name, score in result[best].scores.items()}
    content: dict[str, Any] = {"fine_tuned": fine_tuned, "best_alpha_by_validation": best, "alphas": records}
    text = f"{_in_words(table, metrics)}. Best alpha by validation: {best:g}"
    if worst is not None:
        scores = worst_scores(result.evaluations, ev.suite, worst)
        chosen = {"best": result.best_alpha(scores), "most_robust": result.most_robust_alpha(scores)}
        content["by_worst"] = {"by": worst, **chosen, "scores": [scores[alpha] for alpha in result.alphas]}
        text += (
            f"; by the worst {worst} of its images: {chosen['best']:g} (within one standard error of it: "
            f"{chosen['most_robust']:g})"
        )
    if mistakes is not None:
        for by in _KINDS:
            curves = mistake_kinds(result.evaluations, ev.suite, mistakes, where, by=by)
            content[by] = {"split": where.name, "images": len(where), "kinds": curves}
            text += f"\n\n{kinds_text(curves, where, by)}"
    return Report(content, text)


@measuring_slices
def regressions(
    ev: Evaluator,
    after: Annotated[
        list[str],
        typer.Option(
            help="Checkpoint of the pool, or file of a soup; repeatable, of several the uniform soup is compared."
        ),
    ],
    before: Annotated[
        str | None, typer.Option(help="What it is compared with; the zero-shot model if not given.")
    ] = None,
    alpha: Annotated[float, typer.Option(help="How far to go from --before (0) to --after (1).")] = 1.0,
    by: Annotated[By, typer.Option(help="Whether classes, slices or groups are compared.")] = "class",
    split: Annotated[str | None, typer.Option(help="On which split; the in-distribution test if not given.")] = None,
    level: Annotated[float, typer.Option(min=0, max=1, help="Share of false alarms among those named.")] = 0.05,
) -> Report:
    """Name the classes, slices or groups that a mixture or a soup gets right less often than the model before it.

    The exit code is 1 where there are some.
    """
    return regressions_report(ev, after, before, alpha, by=by, split=tested_split(ev.suite, split), level=level)


def _in_words(table: pd.DataFrame, metrics: Mapping[str, str]) -> str:
    """A table of scores, and what they are: ``metrics`` by column."""
    if set(metrics.values()) == {"accuracy"}:
        return f"{(100 * table).round(2).to_string(index_names=False)}\n\nAccuracy in percent"
    # Means over shifts are of their metric.
    last = list(metrics.values())[-1]
    texts = {column: [shown(metrics.get(str(column), last), one) for one in table[column]] for column in table}
    words = "; ".join(f"{column}: {METRIC_WORDS[metric]}" for column, metric in metrics.items())
    return f"{pd.DataFrame(texts, index=table.index).to_string(index_names=False)}\n\n{words}"


def _mean_ood(evaluation: Evaluation) -> dict[str, float] | None:
    if not any(score.role == "shift" for score in evaluation.scores.values()):
        return None
    low, high = evaluation.shift_interval
    return {"accuracy": evaluation.shift_accuracy, "low": low, "high": high}
