"""What the mixer's table says of each ingredient."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from soupwidgets.evaluation import Evaluation
from soupwidgets.figures.units import Unit
from soupwidgets.pool import Pool

_ROLES = {"zero_shot": "zero-shot", "fine_tuned": "fine-tuned", "bad_ingredient": "bad, on purpose"}


def columns_of(pool: Pool, names: Sequence[str], unit: Unit) -> list[dict[str, Any]]:
    """The columns: scores, role, and every hyper-parameter in which the ingredients differ.

    Parameters
    ----------
    pool
        Has the cards.
    names
        The rows.
    unit
        Of the scores.

    Returns
    -------
    list[dict]
        ``key`` and ``label`` of each, and ``digits`` behind the point where their number is fixed.
    """
    columns: list[dict[str, Any]] = [
        *(
            {"key": key, "label": f"{label}{unit.percent}", "digits": 2 if unit.share else None}
            for key, label in (("val", "validation"), ("id", "ID test"), ("ood", "mean OOD"))
        ),
        {"key": "role", "label": "role"},
    ]
    values: dict[str, set[str]] = {}
    for name in names:
        for key, value in pool.hyperparameters(name).items():
            values.setdefault(key, set()).add(str(value))
    # Prefixed, so that no card can name a column of ours.
    columns += [{"key": f"hp {key}", "label": key} for key, seen in values.items() if len(seen) > 1]
    return columns


def row_of(pool: Pool, name: str, evaluation: Evaluation | None, unit: Unit) -> dict[str, Any]:
    """One row; scores in their unit once they are exact."""
    card = pool.checkpoints[name].card
    row: dict[str, Any] = {"name": name, "note": card.note, "role": _ROLES[card.role]}
    for key, value in pool.hyperparameters(name).items():
        row[f"hp {key}"] = value if isinstance(value, int | float | str) else str(value)
    if evaluation is not None and evaluation.exact:
        by_role = {score.role: score.accuracy for score in evaluation.scores.values()}
        row["val"], row["id"] = unit.place(by_role["validation"]), unit.place(by_role["id_test"])
        if "shift" in by_role:
            row["ood"] = unit.place(evaluation.shift_accuracy)
    return row
