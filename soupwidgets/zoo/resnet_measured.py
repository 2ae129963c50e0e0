"""The networks of `zoo.resnet` and their mixtures, measured with torch and timm alone, for other code to agree with."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.optim.swa_utils import update_bn
from tqdm import tqdm

from soupwidgets.checkpoints import atomic_path
from soupwidgets.suites import Split, Suite
from soupwidgets.zoo.resnet import START, float_tensors, new_resnet, normalise, one_thread, resnet_models

MEASURED = "measured.json"
FIRST = 200
BN_IMAGES, BN_BATCH = 1024, 128
NEAR, SIBLINGS, FAR = (START, "ft-00"), ("ft-00", "ft-01"), ("scratch-a", "scratch-b")
_ALPHAS = 11
_BATCH = 250


def mixture(folder: Path, recipe: Mapping[str, float]) -> nn.Module:
    """The network whose weights and batch-normalisation statistics are a weighted sum of those of some files.

    Parameters
    ----------
    folder
        Where the files are.
    recipe
        Coefficients by name; counters (``num_batches_tracked``) are those of the first.

    Returns
    -------
    nn.Module
        In single precision and evaluation mode.
    """
    files = {name: float_tensors(folder / f"{name}.safetensors") for name in recipe}
    first = next(iter(files.values()))
    network = new_resnet()
    network.load_state_dict(
        {
            key: sum(recipe[name] * files[name][key] for name in recipe) if tensor.is_floating_point() else tensor
            for key, tensor in first.items()
        }
    )
    # A third faster; the numbers are the same up to rounding.
    return network.to(memory_format=torch.channels_last).eval()


def recomputed(network: nn.Module, images: NDArray[np.uint8], batch_size: int = BN_BATCH) -> nn.Module:
    """A copy whose batch-normalisation statistics are the mean over some batches of the batches' own statistics.

    Parameters
    ----------
    network
        Stays as it is.
    images
        Grey images ``[n, 28, 28]``, taken in their order.
    batch_size
        Images a batch.

    Returns
    -------
    nn.Module
        In evaluation mode.

    Notes
    -----
    Izmailov et al., arXiv 1803.05407, section 3.2, by `torch.optim.swa_utils.update_bn`: all batches weigh the same,
    and a batch's variance is the unbiased one.
    """
    fresh = copy.deepcopy(network)
    batches = [_input(images[start : start + batch_size]) for start in range(0, len(images), batch_size)]
    with torch.no_grad():
        update_bn(batches, fresh)
    return fresh.eval()


@torch.inference_mode()
def logits(network: nn.Module, images: NDArray[np.uint8]) -> Tensor:
    """Logits ``[n, 10]`` of grey images ``[n, 28, 28]``."""
    return torch.cat([network(_input(images[start : start + _BATCH])) for start in range(0, len(images), _BATCH)])


def measure_resnet(folder: Path, suite: Suite) -> Path:
    """Count right answers of every network and of some mixtures, and write ``measured.json`` next to the files.

    Parameters
    ----------
    folder
        The files of `build_resnet`.
    suite
        Its validation, test and shifts are counted on; statistics are recomputed on its training images.

    Returns
    -------
    Path
        The file: ``models`` (counts by split, with statistics averaged like weights; of mixtures and the start also
        with recomputed ones) and ``paths`` (counts on validation at equally spaced alphas between two networks).
    """
    training = np.array(suite["train"].images[:BN_IMAGES])
    splits = [suite.validation, suite.id_test, *suite.shifts]
    with one_thread():
        models = [
            _row(name, recipe, kind, network, splits)
            for name, recipe in tqdm(recipes().items(), desc="measuring", unit="model")
            for kind, network in _both(folder, recipe, training)
            if kind == "averaged" or len(recipe) > 1 or START in recipe
        ]
        paths = [_path(folder, ends, suite, training) for ends in tqdm((NEAR, FAR), desc="paths", unit="path")]
    content = {
        "images": {split.name: len(split) for split in splits},
        "first": {"split": suite.id_test.name, "images": FIRST},
        "recomputed": {
            "split": "train",
            "images": BN_IMAGES,
            "batch_size": BN_BATCH,
            "how": "the first images in their order, torch.optim.swa_utils.update_bn",
        },
        "models": models,
        "paths": paths,
    }
    with atomic_path(folder / MEASURED) as path:
        path.write_text(json.dumps(content, indent=1) + "\n")
    return folder / MEASURED


def recipes() -> dict[str, dict[str, float]]:
    """What is measured: every network alone, the uniform soup of the fine-tuned, and three midpoints."""
    tuned = [one.name for one in resnet_models() if one.role == "fine_tuned"]
    alone = {one.name: {one.name: 1.0} for one in resnet_models()}
    halves = {f"midpoint of {a} and {b}": {a: 0.5, b: 0.5} for a, b in (NEAR, SIBLINGS, FAR)}
    return {**alone, "uniform soup": dict.fromkeys(tuned, 1 / len(tuned)), **halves}


def _both(folder: Path, recipe: Mapping[str, float], training: NDArray[np.uint8]) -> list[tuple[str, nn.Module]]:
    network = mixture(folder, recipe)
    return [("averaged", network), ("recomputed", recomputed(network, training))]


def _row(
    name: str, recipe: Mapping[str, float], kind: str, network: nn.Module, splits: Sequence[Split]
) -> dict[str, Any]:
    right = {split.name: _right(network, split.images, split.labels) for split in splits}
    first = next(right[split.name] for split in splits if split.role == "id_test")[:FIRST]
    correct = {split: int(found.sum()) for split, found in right.items()}
    return {
        "name": name,
        "recipe": recipe,
        "statistics": kind,
        "correct": correct,
        "correct_of_first": int(first.sum()),
    }


def _path(folder: Path, ends: tuple[str, str], suite: Suite, training: NDArray[np.uint8]) -> dict[str, Any]:
    images, labels = suite.validation.images, suite.validation.labels
    alphas = [round(float(alpha), 3) for alpha in np.linspace(0, 1, _ALPHAS)]
    found: dict[str, list[int]] = {"averaged": [], "recomputed": []}
    for alpha in alphas:
        for kind, network in _both(folder, {ends[0]: 1 - alpha, ends[1]: alpha}, training):
            found[kind].append(int(_right(network, images, labels).sum()))
    barriers = {
        kind: round(100 * ((correct[0] + correct[-1]) / 2 - min(correct)) / len(labels), 2)
        for kind, correct in found.items()
    }
    return {
        "from": ends[0],
        "to": ends[1],
        "split": suite.validation.name,
        "alphas": alphas,
        "correct": found,
        "error_barrier_points": barriers,
    }


def _right(network: nn.Module, images: NDArray[np.uint8], labels: NDArray[np.int64]) -> NDArray[np.bool_]:
    right: NDArray[np.bool_] = logits(network, images).argmax(1).numpy() == labels
    return right


def _input(images: NDArray[np.uint8]) -> Tensor:
    # A copy: arrays that lie on disk are read-only, which torch warns of.
    return normalise(torch.from_numpy(np.array(images)).float() / 255)
