"""``soupwidgets sweep``: accuracy along alpha."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Annotated

import pandas as pd
import typer

from soupwidgets.commands.reports import Report, measuring_slices
from soupwidgets.evaluation import Evaluation, Evaluator
from soupwidgets.evaluation.axis_names import column_label
from soupwidgets.methods import alpha_sweep
from soupwidgets.stats.metrics import METRIC_WORDS, shown


@measuring_slices
def sweep(
    ev: Evaluator,
    fine_tuned: Annotated[str, typer.Option(help="Name of the fine-tuned checkpoint.")],
    alphas: Annotated[int, typer.Option(min=2, help="Number of evenly spaced alphas from 0 to 1.")] = 11,
) -> Report:
    """Measure accuracy on every split along the line from the zero-shot to a fine-tuned model (WiSE-FT)."""
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
    return Report(
        {"fine_tuned": fine_tuned, "best_alpha_by_validation": best, "alphas": records},
        f"{_in_words(table, metrics)}. Best alpha by validation: {best:g}",
    )


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
