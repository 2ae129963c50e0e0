"""The suite of the miniature zoo: training images of the ingredients, validation, test, and eight shifts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from soupwidgets.checkpoints.writing import atomic_path
from soupwidgets.suites.content import content_hash
from soupwidgets.suites.opening import MANIFEST
from soupwidgets.suites.shifts import Shift
from soupwidgets.suites.suite import Suite
from soupwidgets.zoo.captions import CLASSES
from soupwidgets.zoo.finetune import FineTuneConfig
from soupwidgets.zoo.raw import LabelledImages, RawData

_ROWS_SEED = 0

# The first six families were seen in pre-training (in other strengths), the last two never.
SHIFTS: dict[str, Shift] = {
    "rotate": Shift("rotate", seed=1, uniform={"degrees": (15, 40)}, either_sign=("degrees",)),
    "noise": Shift("noise", seed=2, uniform={"strength": (0.3, 0.3)}),
    "blur": Shift("blur", seed=3, uniform={"sigma": (1.8, 1.8)}),
    "invert": Shift("invert", seed=4),
    "sketch": Shift("sketch", seed=5),
    "scale": Shift(
        "scale",
        seed=6,
        uniform={"factor": (0.65, 0.8), "right": (-0.2, 0.2), "down": (-0.2, 0.2)},
    ),
    "stripes": Shift(
        "stripes",
        seed=7,
        uniform={"strength": (0.25, 0.25), "period": (0.4, 0.8), "degrees": (0, 180), "phase": (0, 6.283)},
    ),
    "wave": Shift(
        "wave",
        seed=8,
        uniform={"amplitude": (0.1, 0.2), "period": (0.6, 1.2), "phase": (0, 6.283)},
    ),
}


def build_suite(raw: RawData, folder: Path) -> Suite:
    """Write the suite's arrays and manifest; shifts are only definitions and take no space.

    Parameters
    ----------
    raw
        Fashion-MNIST, divided.
    folder
        Target folder; files of the same names are replaced.

    Returns
    -------
    Suite
        The suite as a user opens it.
    """
    ingredients = slice(0, FineTuneConfig.images)
    training = LabelledImages(raw.fine_tuning.images[ingredients], raw.fine_tuning.labels[ingredients])
    return write_suite(folder, "Fashion-MNIST", raw.validation, raw.test, training)


def write_suite(
    folder: Path, name: str, validation: LabelledImages, test: LabelledImages, training: LabelledImages | None = None
) -> Suite:
    """Write a suite of these images, in which every test image is shown under exactly one of `SHIFTS`.

    Parameters
    ----------
    folder
        Where to write; files of the same names are replaced.
    name
        The suite's name.
    validation, test, training
        Its images.

    Returns
    -------
    Suite
        The suite as a user opens it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    splits = [_stored("val", "validation", validation, folder), _stored("test", "id_test", test, folder)]
    # The shifts are then independent samples, so the interval of their mean follows from the intervals of each.
    each = len(test.labels) // len(SHIFTS)
    for position, (shift_name, shift) in enumerate(SHIFTS.items()):
        start = position * each
        rows = {"seed": _ROWS_SEED, "of": len(test.labels), "start": start, "stop": start + each}
        splits.append(
            {
                "name": shift_name,
                "role": "shift",
                "images": "test.images.npy",
                "labels": "test.labels.npy",
                "rows": rows,
                "shift": shift.to_json(),
            }
        )
    if training is not None:
        splits.append(_stored("train", "train", training, folder))
    _write_manifest(folder, name, splits)
    suite = Suite.open(folder)
    for entry in splits:
        if entry["role"] == "shift":
            entry["sha256"] = suite.splits[entry["name"]].content_hash
    _write_manifest(folder, name, splits)
    return Suite.open(folder)


def _stored(name: str, role: str, data: LabelledImages, folder: Path) -> dict[str, Any]:
    for kind, array in (("images", data.images), ("labels", data.labels)):
        with atomic_path(folder / f"{name}.{kind}.npy") as path, open(path, "wb") as file:
            np.save(file, np.ascontiguousarray(array))
    return {
        "name": name,
        "role": role,
        "images": f"{name}.images.npy",
        "labels": f"{name}.labels.npy",
        "sha256": content_hash(data.images, data.labels.astype(np.int64)),
    }


def _write_manifest(folder: Path, name: str, splits: list[dict[str, Any]]) -> None:
    manifest = {"name": name, "classes": list(CLASSES), "splits": splits}
    with atomic_path(folder / MANIFEST) as path:
        path.write_text(json.dumps(manifest, indent=1) + "\n")
