"""Following a model along paths between images, beside the forward passes alone."""

from __future__ import annotations

import time
from pathlib import Path

import torch

from benchmarks.sweep import ROOT, usual_model
from benchmarks.table import Row
from soupwidgets import Evaluator, Pool, Recipe, Store, Suite
from soupwidgets.evaluation import BlendReader
from soupwidgets.evaluation.computation import BATCH
from soupwidgets.models import Architecture, streamline
from soupwidgets.topics.spectrum.image_paths import image_paths
from soupwidgets.topics.spectrum.path_spectrum import path_spectrum

MODEL = "ft-03"


def path_row(folder: Path, pairs: int = 200, samples: int = 64, repeats: int = 5) -> Row:
    """Spectra with their intervals within and between classes, filed in a store, beside bare forward passes.

    Parameters
    ----------
    folder
        Where stores are made.
    pairs, samples
        Of each kind of paths.
    repeats
        How often each side is timed, in turns; the medians count.
    """
    pool, suite = Pool.open(ROOT / "data" / "zoo" / "fashion"), Suite.open(ROOT / "data" / "suites" / "fashion")
    paths = [image_paths(suite.id_test, kind, pairs, samples) for kind in ("within", "between")]
    model = usual_model(pool)
    model.load_state_dict({key: tensor.float() for key, tensor in pool.checkpoints[MODEL].read()})
    streamline(model.visual)
    architecture, device = Architecture.from_json(pool.architecture_card), torch.device("cpu")
    batches = []
    for one in paths:
        reader, n = BlendReader(one.split, architecture.inputs, device), len(one.split)
        batches += [reader.batch(at, min(at + BATCH["cpu"], n)) for at in range(0, n, BATCH["cpu"])]

    def bare() -> None:
        with torch.inference_mode():
            for batch in batches:
                model(batch)

    def ours(number: int) -> None:
        ev = Evaluator(pool, suite, device="cpu", store=Store(folder / str(number)))
        for one in paths:
            assert path_spectrum(ev, Recipe({MODEL: 1}), one, progress=False).centroid.value > 0

    times: tuple[list[float], list[float]] = ([], [])
    ours(0)
    bare()
    for number in range(1, repeats + 1):
        for taken, work in zip(times, (lambda number=number: ours(number), bare), strict=True):
            start = time.perf_counter()
            work()
            taken.append(time.perf_counter() - start)
    mine, floor = (sorted(taken)[len(taken) // 2] for taken in times)
    images = sum(len(one.split) for one in paths)
    return Row(
        f"spectra along {2 * pairs} paths, {images:,} images",
        f"{mine:.2f} s",
        f"the forward passes alone: {floor:.2f} s",
        mine / floor,
        "<= 1.2 times",
        mine / floor <= 1.2,
    )
