"""``soupwidgets sweep``: accuracy along alpha."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from soupwidgets.commands.options import (
    DeviceOption,
    HeadFromOption,
    JsonOption,
    PartOption,
    PoolOption,
    SliceOption,
    StoreOption,
    SuiteOption,
    ZeroShotOption,
    evaluator,
    open_pool,
    show,
    write_json,
)


def sweep(
    pool: PoolOption,
    suite: SuiteOption,
    fine_tuned: Annotated[str, typer.Option(help="Name of the fine-tuned checkpoint.")],
    alphas: Annotated[int, typer.Option(min=2, help="Number of evenly spaced alphas from 0 to 1.")] = 11,
    slices: SliceOption = None,
    part: PartOption = None,
    head_from: HeadFromOption = None,
    zero_shot: ZeroShotOption = None,
    json_file: JsonOption = None,
    device: DeviceOption = "auto",
    store: StoreOption = None,
) -> None:
    """Measure accuracy on every split along the line from the zero-shot to a fine-tuned model (WiSE-FT)."""
    import pandas as pd

    from soupwidgets.evaluation.axis_names import column_label
    from soupwidgets.methods import alpha_sweep

    ev = evaluator(open_pool(pool, part, head_from, zero_shot), suite, device, store, slices=slices)
    result = alpha_sweep(ev, fine_tuned, alphas, progress=sys.stderr.isatty())
    records = [
        {
            "alpha": alpha,
            "splits": {record["split"]: record for record in result[alpha].to_records()},
            "mean_ood": _mean_ood(result[alpha]),
        }
        for alpha in result.alphas
    ]
    best = result.best_alpha()
    write_json(json_file, {"fine_tuned": fine_tuned, "best_alpha_by_validation": best, "alphas": records})
    if json_file == "-":
        return
    table = result.to_frame().pivot(index="alpha", columns="split", values="accuracy")[list(result[best].scores)]
    table.columns = pd.Index([column_label(result[best], name) for name in table.columns], name="split")
    mean_ood = [_mean_ood(result[alpha]) for alpha in result.alphas]
    if all(mean_ood):
        table["mean OOD"] = pd.Series([m["accuracy"] for m in mean_ood if m], index=table.index)
    show((100 * table).round(2).to_string(index_names=False))
    show(f"\nAccuracy in percent. Best alpha by validation: {best:g}")


def _mean_ood(evaluation: Any) -> dict[str, float] | None:
    if not any(score.role == "shift" for score in evaluation.scores.values()):
        return None
    low, high = evaluation.shift_interval
    return {"accuracy": evaluation.shift_accuracy, "low": low, "high": high}
