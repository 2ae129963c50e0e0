"""Scores into the store, and out of it."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import asdict, replace

import msgspec
import torch

from soupwidgets.evaluation.evaluation import Logits, SplitScore
from soupwidgets.evaluation.metrics import Figure
from soupwidgets.recipe import Recipe
from soupwidgets.store import Measurement, Store, StoreError, StoreWarning
from soupwidgets.suites import Split


def stored_score(split: Split, measured: Measurement, load_logits: Callable[[], Logits] | None) -> SplitScore | None:
    """A measurement as a score; its logits are read when they are asked for.

    Parameters
    ----------
    split
        What was measured on.
    measured
        The numbers.
    load_logits
        Gives the logits; None for numbers alone.

    Returns
    -------
    SplitScore | None
        None where the numbers cannot be those of this split, as in a store that something else wrote into.
    """
    try:
        figure = None if measured.figure is None else msgspec.convert(dict(measured.figure), Figure)
    except ValueError:
        return None
    metric = "accuracy" if figure is None else figure.metric
    if measured.total != len(split) or metric != split.scoring.metric:
        return None
    total, correct, loss = measured.total, measured.correct, measured.loss
    class_map = split.scoring.class_map
    return SplitScore(split.role, total, total, correct, loss, load_logits, figure, class_map, measured.loss_sd)


def stored_logits(store: Store, key: str) -> Logits | None:
    """The logits of a measurement; None, and a warning, where they were lost."""
    try:
        return store.logits(key)
    except KeyError:
        # It was there a moment ago, or else nobody would ask: somebody removed it.
        return None
    except StoreError as error:
        warnings.warn(str(error), StoreWarning, stacklevel=2)
        return None


def file_score(
    store: Store,
    key: str,
    recipe: Recipe,
    split: Split,
    score: SplitScore,
    logits: Logits | None,
    device: str,
    load_logits: Callable[[], Logits] | None = None,
) -> SplitScore:
    """File an exact score. What cannot be filed is not lost: a warning says why, and the score has its logits with it.

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
    load_logits
        Gives the logits from now on, once they are filed.

    Returns
    -------
    SplitScore
        As the store gives it from now on.
    """
    made_with = f"torch {torch.__version__}, {device}"
    figure = asdict(score.figure) if score.figure else None
    measured = Measurement(
        recipe.to_json(), split.name, score.total, score.correct, score.loss, made_with, figure, score.loss_sd
    )
    try:
        store.put(key, measured, logits)
    except StoreError as error:
        warnings.warn(f"a measurement is used, but could not be kept: {error}", StoreWarning, stacklevel=2)
        load_logits = None if logits is None else lambda: logits
    return replace(score, load_logits=load_logits, class_map=split.scoring.class_map)
