"""Scores into the store, and out of it."""

from __future__ import annotations

from dataclasses import asdict

import torch

from soupwidgets.evaluation.evaluation import Logits, SplitScore
from soupwidgets.evaluation.metrics import Figure
from soupwidgets.recipe import Recipe
from soupwidgets.store import Measurement, Store
from soupwidgets.suites import Split


def stored_score(store: Store, split: Split, measured: Measurement, key: str) -> SplitScore:
    """A measurement as a score; its logits are read when they are asked for.

    Parameters
    ----------
    store
        Where it is.
    split
        What was measured on.
    measured
        The numbers.
    key
        What it is filed under.
    """
    return SplitScore(
        split.role,
        measured.total,
        measured.total,
        measured.correct,
        measured.loss,
        lambda: store.logits(key),
        Figure(**measured.figure) if measured.figure else None,
        split.scoring.class_map,
        measured.loss_sd,
    )


def file_score(
    store: Store, key: str, recipe: Recipe, split: Split, score: SplitScore, logits: Logits | None, device: str
) -> SplitScore:
    """File an exact score.

    Parameters
    ----------
    store
        Where to.
    key
        What it is filed under.
    recipe, split
        What was measured.
    score
        Its numbers.
    logits
        ``[images, classes]`` in the split's own order; None to keep the numbers alone.
    device
        Kind of device that computed them, for the record.

    Returns
    -------
    SplitScore
        As the store gives it from now on.

    Raises
    ------
    StoreError
        When it cannot be written.
    """
    made_with = f"torch {torch.__version__}, {device}"
    figure = asdict(score.figure) if score.figure else None
    measured = Measurement(
        recipe.to_json(), split.name, score.total, score.correct, score.loss, made_with, figure, score.loss_sd
    )
    store.put(key, measured, logits)
    return stored_score(store, split, measured, key)
