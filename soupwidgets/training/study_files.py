"""Results of studies as JSON files, which a notebook can draw without training anything."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from soupwidgets.checkpoints import CheckpointFile, atomic_path
from soupwidgets.json_files import read_json_object
from soupwidgets.stats.estimate import Estimate
from soupwidgets.stats.intervals import LEVEL
from soupwidgets.suites import Suite
from soupwidgets.training import Hyperparameters

_MOST_BYTES = 1 << 24
T = TypeVar("T")


def over_seeds(values: list[float]) -> Estimate:
    """The mean over repeats with its 95% interval from Student's t; a single repeat has no interval.

    Examples
    --------
    >>> print(over_seeds([1.0, 2.0, 3.0]))
    2 [-0.484, 4.48]
    """
    from scipy import stats

    mean = float(np.mean(values))
    if len(values) < 2:
        return Estimate(mean, float("nan"), float("nan"))
    margin = float(stats.t.ppf(0.5 + LEVEL / 2, len(values) - 1) * np.std(values, ddof=1) / np.sqrt(len(values)))
    return Estimate(mean, mean - margin, mean + margin)


def provenance(start: CheckpointFile, suite: Suite, *, settings: Hyperparameters) -> dict[str, Any]:
    """The provenance of a study's numbers: architecture, images and hyper-parameters."""
    assert suite.training is not None
    return {
        "suite": suite.name,
        "training images": suite.training.content_hash,
        "validation images": suite.validation.content_hash,
        "architecture": dict(start.card.architecture or {}),
        "hyperparameters": asdict(settings),
    }


def write_study(path: str | Path, content: dict[str, Any]) -> Path:
    """Write a study's file atomically. Non-finite numbers become null."""
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(_finite(content), indent=1) + "\n")
    return Path(path)


def read_study(path: str | Path, format: str, *, build: Callable[[dict[str, Any]], T]) -> T:
    """Read a study's file.

    Parameters
    ----------
    path
        The file.
    format
        The format that it must state.
    build
        Function from its content to the study.

    Raises
    ------
    ValueError
        When it is not such a file, is larger than 16 MiB, or has invalid content.
    """
    path = Path(path)
    if path.exists() and not (path.is_file() and path.stat().st_size <= _MOST_BYTES):
        raise ValueError(f"{path}: not a file of at most {_MOST_BYTES >> 20} MiB")
    content = read_json_object(path, format)
    try:
        return build(content)
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
        raise ValueError(f"{path}: malformed ({error!r:.200})") from error


def whole(found: Any) -> int:
    """Check that a value from a file is a whole number of at least 1; `ValueError` otherwise."""
    if type(found) is not int or not 1 <= found < 1 << 31:
        raise ValueError(f"expected a number of at least 1, found {found!r:.50}")
    return found


def same_lengths(*curves: tuple[float, ...]) -> None:
    """Raise `ValueError` unless all curves have the same number of epochs."""
    if len({len(one) for one in curves}) > 1:
        raise ValueError(f"curves of {', '.join(str(len(one)) for one in curves)} epochs in one result")


def estimate(found: Any) -> Estimate:
    """Check that a value from a file is an estimate, and return it.

    Raises
    ------
    ValueError, TypeError, KeyError
        When it is not an estimate.
    """
    value, low, high = (float("nan") if found[key] is None else float(found[key]) for key in ("value", "low", "high"))
    return Estimate(value, low, high)


def curve(found: Any) -> tuple[float, ...]:
    """Check that a value from a file is a list of numbers by epoch; `ValueError` or `TypeError` otherwise."""
    return tuple(float("nan") if value is None else float(value) for value in list(found))


def text(found: Any) -> str:
    """Check that a value from a file is a short text; `ValueError` otherwise."""
    if not isinstance(found, str) or len(found) > 1000:
        raise ValueError(f"expected a short text, found {type(found).__name__}")
    return found


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value
