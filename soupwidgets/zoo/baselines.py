"""Baseline models for effective robustness: the same tower, trained from scratch on clean images only."""

from __future__ import annotations

import csv
from pathlib import Path

import torch
from tqdm import tqdm

from soupwidgets.checkpoints import atomic_path, write_checkpoint
from soupwidgets.evaluation import Evaluator
from soupwidgets.pool import Pool
from soupwidgets.recipe import Recipe
from soupwidgets.store import Store
from soupwidgets.suites import Suite
from soupwidgets.zoo.finetune import FineTuneConfig, fine_tune
from soupwidgets.zoo.pretrain import ARCHITECTURE
from soupwidgets.zoo.raw import DEFAULT_FOLDER, read_raw

# More images give a more accurate model: the line needs models along its whole length.
IMAGES = (250, 500, 1000, 2000, 4000, 8000, 16000, 25000)
SEEDS = (0, 1)
_STEPS = 1500
_BATCH = 64


def write_baselines(out: Path, suite: Suite, *, work: Path, raw_folder: Path = DEFAULT_FOLDER) -> Path:
    """Train the baseline models, measure them, and write the table that `read_accuracy_table` reads.

    Parameters
    ----------
    out
        The CSV file: model, dataset, accuracy, images, and the number of training images.
    suite
        The suite they are measured on: the in-distribution test and the shifts.
    work
        Folder for their checkpoints; existing ones are not trained again.
    raw_folder
        The four Fashion-MNIST files.

    Returns
    -------
    Path
        ``out``.

    Notes
    -----
    Taori et al., arXiv 2007.00644: the line is fitted to models that were trained only on the task's own images.
    """
    data = read_raw(raw_folder).fine_tuning
    names = {f"from-scratch-{n}-seed{seed}": (n, seed) for n in IMAGES for seed in SEEDS}
    for name, (n, seed) in tqdm(names.items(), desc="baselines", unit="model"):
        path = work / f"{name}.safetensors"
        if path.exists():
            continue
        torch.manual_seed(seed)
        model = ARCHITECTURE.build()
        epochs = max(1, round(_STEPS * _BATCH / n))
        config = FineTuneConfig(
            seed=seed, learning_rate=1e-3, epochs=epochs, weight_decay=0.1, images=n, batch_size=_BATCH
        )
        fine_tune(model, data, config=config, progress=lambda *_: None)
        card = {"name": name, "architecture": ARCHITECTURE.to_json()}
        write_checkpoint(path, dict(model.state_dict()), card)
    ev = Evaluator(Pool.open([work / f"{name}.safetensors" for name in names]), suite, store=Store(work / "store"))
    splits = [suite.id_test.name, *(shift.name for shift in suite.shifts)]
    with atomic_path(out) as path, open(path, "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["model", "dataset", "accuracy", "images", "training images"])
        for name, (n, _) in names.items():
            for split, score in ev.evaluate(Recipe({name: 1}), splits).scores.items():
                writer.writerow([name, split, f"{score.accuracy:.6f}", score.total, n])
    return out
