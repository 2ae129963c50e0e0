"""A frontier out of a store of the size of the published figures, beside reading its rows and nothing more."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import numpy as np
import torch

import soupwidgets as sw
from benchmarks.table import Row, interleaved_seconds
from soupwidgets import Evaluator, Pool, Recipe, Store, Suite, wise_ft
from soupwidgets.checkpoints import write_checkpoint
from soupwidgets.suites import Split
from soupwidgets.suites.split import Source
from tests.fixtures import TINY

_TABLE = "measurements.sqlite"


def wide_evaluator(folder: Path, models: int = 72, alphas: int = 21) -> Evaluator:
    """Tiny models on seven data sets of four images, every alpha between each and the zero-shot model stored.

    Parameters
    ----------
    folder
        Where pool, data sets and store are made.
    models, alphas
        How many fine-tuned models, and points on the way to each.
    """
    torch.manual_seed(0)
    base = TINY.build().state_dict()
    card = {"architecture": TINY.to_json()}
    pool = folder / "pool"
    write_checkpoint(pool / "zero-shot.safetensors", base, {**card, "name": "zero-shot", "role": "zero_shot"})
    for i in range(models):
        moved = {name: tensor + i + 1 for name, tensor in base.items()}
        write_checkpoint(pool / f"model_{i}.safetensors", moved, {**card, "name": f"model_{i}"})
    np.save(folder / "images.npy", np.zeros((4, 28, 28), np.uint8))
    splits = {}
    for i, role in enumerate(["validation", "id_test", *["shift"] * 5]):
        np.save(folder / f"{i}.npy", np.full(4, i))
        source = Source(folder / "images.npy", folder / f"{i}.npy")
        splits[f"data-{i}"] = Split(f"data-{i}", role, source)  # type: ignore[arg-type]
    suite = Suite("wide", [str(i) for i in range(10)], splits)
    ev = Evaluator(Pool.open(pool), suite, device="cpu", store=Store(folder / "store"))
    alone = Recipe({"zero-shot": 1})
    ev.evaluate(alone)
    recipes = {wise_ft(ev.pool, f"model_{i}", a / (alphas - 1)) for i in range(models) for a in range(alphas)}
    with sqlite3.connect(ev.store.folder / _TABLE) as database:
        rows = {row[2]: row for row in database.execute("SELECT * FROM measurements")}
        more = [
            (ev.key(recipe, split), recipe.to_json(), *rows[split.name][2:])
            for recipe in recipes - {alone}
            for split in splits.values()
        ]
        database.executemany(f"INSERT INTO measurements VALUES ({', '.join('?' * len(more[0]))})", more)
    return ev


def wide_row(folder: Path, models: int = 72, alphas: int = 21, repeats: int = 5) -> Row:
    """Every stored measurement of a wide pool as points with intervals, beside reading the rows."""
    ev = wide_evaluator(folder, models, alphas)
    count = len(ev.store)

    def ours() -> None:
        assert len(sw.frontier.models(ev).points()) == 1 + models * (alphas - 1)

    def bare() -> None:
        with sqlite3.connect(ev.store.folder / _TABLE) as database:
            assert len([json.loads(row[1]) for row in database.execute("SELECT * FROM measurements")]) == count

    own, reading = interleaved_seconds(ours, bare, repeats=repeats)
    return Row(
        f"a frontier of {count:,} stored measurements, with intervals",
        f"{own:.2f} s",
        f"reading the rows, and nothing more: {reading:.2f} s",
        own / reading,
        "<= 1 s",
        own <= 1,
    )
