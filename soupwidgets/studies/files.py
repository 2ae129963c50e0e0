"""Results of studies as JSON files: what a notebook draws without training anything."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

from soupwidgets.analysis import Estimate
from soupwidgets.checkpoints import CheckpointFile, atomic_path
from soupwidgets.evaluation.intervals import LEVEL
from soupwidgets.suites import Suite
from soupwidgets.training import Hyperparameters


def over_seeds(values: list[float]) -> Estimate:
    """The mean of some repeats with its 95% interval from Student's t; without an interval for a single one.

    Examples
    --------
    >>> print(over_seeds([1.0, 2.0, 3.0]))
    2 [-0.484, 4.48]
    """
    mean = float(np.mean(values))
    if len(values) < 2:
        return Estimate(mean, float("nan"), float("nan"))
    margin = float(stats.t.ppf(0.5 + LEVEL / 2, len(values) - 1) * np.std(values, ddof=1) / np.sqrt(len(values)))
    return Estimate(mean, mean - margin, mean + margin)


def provenance(start: CheckpointFile, suite: Suite, settings: Hyperparameters) -> dict[str, Any]:
    """What a study's numbers come from: architecture, images and hyper-parameters."""
    assert suite.training is not None
    return {
        "suite": suite.name,
        "training images": suite.training.content_hash,
        "validation images": suite.validation.content_hash,
        "architecture": dict(start.card.architecture or {}),
        "hyperparameters": asdict(settings),
    }


def write_study(path: str | Path, content: dict[str, Any]) -> Path:
    """Write a study's file as a whole. Numbers that are not finite become null."""
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(_finite(content), indent=1) + "\n")
    return Path(path)


def estimate(found: Any) -> Estimate:
    """An estimate out of a file.

    Raises
    ------
    ValueError, TypeError, KeyError
        When it is none.
    """
    value, low, high = (float("nan") if found[key] is None else float(found[key]) for key in ("value", "low", "high"))
    return Estimate(value, low, high)


def curve(found: Any) -> tuple[float, ...]:
    """Numbers by epoch out of a file; `ValueError` or `TypeError` when they are none."""
    return tuple(float("nan") if value is None else float(value) for value in list(found))


def text(found: Any) -> str:
    """A short text out of a file; `ValueError` when it is none."""
    if not isinstance(found, str) or len(found) > 1000:
        raise ValueError(f"expected a short text, found {type(found).__name__}")
    return found


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value
