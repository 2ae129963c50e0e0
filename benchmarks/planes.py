"""A landscape while it fills: do the standard errors of predicted heights hold? On planes of the bundled pools."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks.table import Row
from soupwidgets import Evaluator, Pool, Store, Suite
from soupwidgets.topics.landscape.plane import Landscape, lattice_levels, plane
from soupwidgets.topics.landscape.prediction import predict_grid

ROOT = Path(__file__).parents[1]
# Filled once, in a few minutes; what is there is not measured again.
STORE = Path(tempfile.gettempdir()) / "soupwidgets-planes"
_RELATED, _STRANGER, _DIVERGED = "related models", "a model of another start", "a diverged model"
# Pool, suite, the three models, splits, and what kind of plane it is.
_PLANES = [
    ("fashion", "fashion", ("zero-shot", "ft-03", "ft-08"), ("val", "rotate", "sketch"), _RELATED),
    ("fashion", "fashion", ("ft-00", "ft-03", "ft-08"), ("val", "noise"), _RELATED),
    ("fashion", "fashion", ("zero-shot", "ft-05", "ft-12"), ("val", "blur"), _RELATED),
    ("resnet", "fashion", ("ft-00", "ft-01", "ft-02"), ("val",), _RELATED),
    ("fashion", "fashion", ("zero-shot", "ft-03", "other-seed"), ("val", "wave"), _STRANGER),
    ("text", "text", ("bad-lr", "ft-00", "ft-01"), ("val",), _DIVERGED),
]
_GRID, _KNOWN = 13, (9, 15, 25, 40)


class _Fill(NamedTuple):
    """How well the rest of a plane is predicted from its first nodes."""

    covered: float
    error: float
    nearest: float


def plane_rows(folder: Path = STORE) -> list[Row]:
    """One row for each kind of plane and each height."""
    found: dict[tuple[str, str], list[_Fill]] = {}
    for pool, suite, corners, splits, kind in _PLANES:
        ev = Evaluator(
            Pool.open(ROOT / "data" / "zoo" / pool),
            Suite.open(ROOT / "data" / "suites" / suite),
            device="cpu",
            store=Store(folder),
            precision="float32",
        )
        for split in splits:
            filled = plane(ev, corners, grid=_GRID, split=split, progress=False)
            for height in ("loss", "error"):
                found.setdefault((kind, height), []).extend(_fills(filled, getattr(filled, height)))
    return [_row(kind, height, fills) for (kind, height), fills in found.items()]


def _fills(filled: Landscape, heights: np.ndarray) -> list[_Fill]:
    order = np.argsort(lattice_levels(*heights.shape).ravel(), kind="stable")
    nodes = np.stack(np.meshgrid(filled.x, filled.y), axis=-1)
    fills = []
    for number in _KNOWN:
        known = np.zeros(heights.shape, dtype=bool)
        known.flat[order[:number]] = True
        if (~known).sum() < 12:
            continue
        told = predict_grid(filled.x, filled.y, heights=heights, sampling=np.zeros(heights.shape), known=known)
        off = np.abs(told.height - heights)[~known]
        distances = np.linalg.norm(nodes[~known][:, None] - nodes[known][None], axis=2)
        nearest = heights[known][distances.argmin(axis=1)] - heights[~known]
        covered = float((off <= 2 * told.standard_error[~known]).mean())
        fills.append(_Fill(covered, float(np.sqrt((off**2).mean())), float(np.sqrt((nearest**2).mean()))))
    return fills


def _row(kind: str, height: str, fills: list[_Fill]) -> Row:
    covered, error, nearest = (np.array(part) for part in zip(*fills, strict=True))
    unit, factor = ("nats", 1.0) if height == "loss" else ("points", 100.0)
    mean = float(covered.mean())
    return Row(
        f"{height} on planes with {kind}, predicted from {_KNOWN[0]} to {_KNOWN[-1]} models",
        f"{100 * mean:.1f}% within two standard errors, {100 * covered.min():.0f}% in the worst of {len(fills)} fills; "
        f"{factor * np.median(error):.2g} {unit} off",
        f"the nearest model's: {factor * np.median(nearest):.2g} {unit} off",
        float(np.median(nearest) / np.median(error)),
        ">= 90% within two standard errors",
        mean >= 0.9,
    )
