"""Writing scores to the store and reading them back."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import asdict, replace

import msgspec
import torch

from soupwidgets.evaluation.evaluation import Logits, SplitScore
from soupwidgets.recipe import Recipe
from soupwidgets.stats.figure import Figure
from soupwidgets.store import Measurement, Store, StoreError, StoreWarning
from soupwidgets.suites import Split


def stored_score(
    split: Split, measured: Measurement, load_logits: Callable[[], Logits] | None, *, precision: str = "float32"
) -> SplitScore | None:
    """Turn a stored measurement into a score; its logits are read on demand.

    Parameters
    ----------
    split
        The split that was measured.
    measured
        The stored numbers.
    load_logits
        Returns the logits; None if only the numbers were stored.
    precision
        What the measurement was computed with.

    Returns
    -------
    SplitScore | None
        None if the numbers cannot belong to this split, for example when another program wrote to the store.
    """
    try:
        figure = None if measured.figure is None else msgspec.convert(dict(measured.figure), Figure)
    except ValueError:
        return None
    metric = "accuracy" if figure is None else figure.metric
    if measured.total != len(split) or metric != split.scoring.metric:
        return None
    total, correct, loss = measured.total, measured.correct, measured.loss
    class_map, task = split.scoring.class_map, split.scoring.task
    return SplitScore(
        split.role, total, total, correct, loss, load_logits, figure, class_map, measured.loss_sd, task, precision
    )


def stored_logits(store: Store, key: str) -> Logits | None:
    """The logits of a measurement; None, with a warning, if they were lost."""
    try:
        return store.logits(key)
    except KeyError:
        # It existed when the score was made: somebody has removed it since.
        return None
    except StoreError as error:
        warnings.warn(str(error), StoreWarning, stacklevel=2)
        return None


def file_score(
    store: Store,
    key: str,
    *,
    recipe: Recipe,
    split: Split,
    score: SplitScore,
    logits: Logits | None,
    device: str,
    load_logits: Callable[[], Logits] | None = None,
) -> SplitScore:
    """Store an exact score. If that fails, a warning says why, and the returned score keeps its logits in memory.

    Parameters
    ----------
    store
        The store to write to.
    key
        The key to store it under.
    recipe, split
        What was measured.
    score
        The score.
    logits
        ``[images, classes]`` in the split's own order; None to store only the numbers.
    device
        Kind of device that computed them, for the record.
    load_logits
        Returns the logits once they are stored.

    Returns
    -------
    SplitScore
        The score as the store returns it from now on.
    """
    made_with = f"torch {torch.__version__}, {device}, {score.precision}"
    figure = asdict(score.figure) if score.figure else None
    measured = Measurement(
        recipe.to_json(), split.name, score.total, score.correct, score.loss, made_with, figure, score.loss_sd
    )
    try:
        store.put(key, measured, logits)
    except StoreError as error:
        warnings.warn(f"a measurement is used, but could not be stored: {error}", StoreWarning, stacklevel=2)
        load_logits = None if logits is None else lambda: logits
    return replace(score, load_logits=load_logits, class_map=split.scoring.class_map)
