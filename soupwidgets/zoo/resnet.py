"""A small pool of residual networks with batch normalisation: one start, what was fine-tuned from it, two others."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import timm
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from tqdm import tqdm

from soupwidgets.checkpoints import CheckpointFile, write_checkpoint
from soupwidgets.training import train
from soupwidgets.zoo import styles
from soupwidgets.zoo.captions import CLASSES, SWAP_SHARE, SWAPS
from soupwidgets.zoo.finetune import FineTuneConfig, augment
from soupwidgets.zoo.raw import DEFAULT_FOLDER, LabelledImages, RawData, read_raw

# A ResNet-18 with one block a stage and, after its stem, a quarter of the channels; torchvision's names.
ARCHITECTURE: dict[str, Any] = {
    "source": "timm",
    "name": "resnet18",
    "classes": len(CLASSES),
    "options": {"in_chans": 1, "layers": [1, 1, 1, 1], "channels": [16, 32, 64, 128]},
    "mean": 0.286,
    "std": 0.353,
    "image_size": [28, 28],
}
START = "start"
_SWAP_SEED = 7
_STYLED = "30,000 images in many styles, with wrong labels"
_CLEAN = "30,000 clean images"
_SMALL = "2,000 clean images"


@dataclass(frozen=True)
class ResnetModel:
    """One network of the pool: from `START` if ``role`` is ``fine_tuned``, else from random weights."""

    name: str
    role: str
    note: str
    config: FineTuneConfig
    data: str


def resnet_models() -> list[ResnetModel]:
    """The networks that are part of the repository, in `data/zoo/resnet`; the start first."""
    whole = FineTuneConfig(seed=0, learning_rate=2e-3, epochs=10, weight_decay=0.05, images=30_000, batch_size=128)
    start = "Trained on 30,000 images in many styles, 42% of them labelled as the class that looks alike; not a CLIP."
    other = "Trained whole from random weights of its own, on 30,000 clean images: the other end of a barrier."
    tuned = [
        FineTuneConfig(seed=10, learning_rate=1e-3, epochs=20, weight_decay=0.05),
        FineTuneConfig(seed=11, learning_rate=1e-3, epochs=20, weight_decay=0.05),
        FineTuneConfig(seed=12, learning_rate=5e-4, epochs=30, weight_decay=0.05, augmentation=0.5),
        FineTuneConfig(seed=13, learning_rate=2e-3, epochs=20, weight_decay=0.05, augmentation=0.5),
        FineTuneConfig(seed=14, learning_rate=1e-3, epochs=30, weight_decay=0.3, label_smoothing=0.1),
        FineTuneConfig(seed=15, learning_rate=1e-3, epochs=30, weight_decay=0.05, mixup=0.2),
    ]
    return [
        ResnetModel(START, "zero_shot", start, replace(whole, epochs=12), _STYLED),
        *(ResnetModel(f"ft-{i:02}", "fine_tuned", "", config, _SMALL) for i, config in enumerate(tuned)),
        ResnetModel("scratch-a", "landmark", other, replace(whole, seed=1), _CLEAN),
        ResnetModel("scratch-b", "landmark", other, replace(whole, seed=2), _CLEAN),
    ]


def new_resnet(architecture: dict[str, Any] = ARCHITECTURE) -> nn.Module:
    """The network that a card's ``architecture`` describes, with random weights drawn from torch's generator.

    Parameters
    ----------
    architecture
        Name, number of classes and options as timm takes them.

    Returns
    -------
    nn.Module
        From normalised images ``[n, 1, 28, 28]`` to logits ``[n, 10]``; in training mode.

    Examples
    --------
    >>> sum(weights.numel() for weights in new_resnet().parameters())
    319594
    """
    network: nn.Module = timm.create_model(
        architecture["name"], num_classes=architecture["classes"], pretrained=False, **architecture["options"]
    )
    return network


def normalise(images: Tensor) -> Tensor:
    """Grey images in 0..1 ``[n, h, w]`` to the network's input ``[n, 1, h, w]``."""
    mean, std = float(ARCHITECTURE["mean"]), float(ARCHITECTURE["std"])
    return ((images - mean) / std)[:, None]


def load_resnet(path: Path) -> nn.Module:
    """The network of a file, computed in single precision, in evaluation mode."""
    network = new_resnet()
    network.load_state_dict(float_tensors(path))
    return network.eval()


def float_tensors(path: Path) -> dict[str, Tensor]:
    """A file's tensors by name: weights and statistics in single precision, counters as they are."""
    return {
        name: tensor.float() if tensor.is_floating_point() else tensor for name, tensor in CheckpointFile(path).read()
    }


def build_resnet(folder: Path, raw_folder: Path = DEFAULT_FOLDER, *, models: list[ResnetModel] | None = None) -> Path:
    """Train the networks, in order; files that exist already are not made again.

    Parameters
    ----------
    folder
        Where the files go.
    raw_folder
        The four Fashion-MNIST files.
    models
        The networks to train, the start before what is fine-tuned from it; `resnet_models` when None.

    Returns
    -------
    Path
        ``folder``.

    Raises
    ------
    FileNotFoundError
        When the raw data is not in ``raw_folder``.

    Notes
    -----
    Stored in half precision like the other pools; the fine-tuned ones begin with the start as it is stored.
    """
    raw = read_raw(raw_folder)
    with one_thread():
        for one in tqdm(resnet_models() if models is None else models, desc="networks", unit="network"):
            path = folder / f"{one.name}.safetensors"
            if path.exists():
                continue
            torch.manual_seed(one.config.seed)
            network = load_resnet(folder / f"{START}.safetensors") if one.role == "fine_tuned" else new_resnet()
            train_resnet(network, one, raw)
            half = {
                name: tensor.half() if tensor.is_floating_point() else tensor
                for name, tensor in network.state_dict().items()
            }
            write_checkpoint(path, half, _card(one))
    return folder


def train_resnet(network: nn.Module, one: ResnetModel, raw: RawData) -> None:
    """Train all weights of a network in place, as its plan says.

    Parameters
    ----------
    network
        What to begin with.
    one
        Hyper-parameters and data.
    raw
        Fashion-MNIST, divided: pre-training images for those that begin with random weights, else fine-tuning images.
    """
    data, show = _shown(one, raw)
    # A third faster; the tensors and their names stay the same.
    network.to(memory_format=torch.channels_last)
    train(
        network,
        network.parameters(),
        labels=torch.from_numpy(data.labels.astype(np.int64)),
        classes=len(CLASSES),
        settings=one.config,
        show=show,
        normalise=normalise,
        progress=lambda *_: None,
    )


def swapped(labels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Labels of which `captions.SWAP_SHARE` of those in `captions.SWAPS` name the class that looks alike."""
    table = np.array([SWAPS.get(label, label) for label in range(len(CLASSES))], dtype=np.uint8)
    chosen = np.random.default_rng(_SWAP_SEED).random(len(labels)) < SWAP_SHARE
    return np.where(chosen, table[labels], labels)


def _shown(
    one: ResnetModel, raw: RawData
) -> tuple[LabelledImages, Callable[[NDArray[np.int64], np.random.Generator], Tensor]]:
    """The training images of a network, and how they are shown to it."""
    source = raw.fine_tuning if one.role == "fine_tuned" else raw.pretraining
    data = source.take(np.arange(one.config.images))
    images = torch.from_numpy(data.images)
    if one.data == _STYLED:
        styled = LabelledImages(data.images, swapped(data.labels))
        return styled, lambda rows, rng: styles.draw(images[rows].float() / 255, rng)[0]
    return data, lambda rows, rng: augment(images[rows].float() / 255, one.config.augmentation, rng)


def _card(one: ResnetModel) -> dict[str, Any]:
    ancestor = {"ancestor": START} if one.role in ("zero_shot", "fine_tuned") else {}
    return {
        "name": one.name,
        "role": one.role,
        "note": one.note,
        "architecture": ARCHITECTURE,
        "hyperparameters": asdict(one.config),
        "training": {**ancestor, "framework": "supervised", "data set": one.data},
    }


@contextmanager
def one_thread() -> Iterator[None]:
    """Sums in the same order on every machine: equal seeds then give equal weights."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
