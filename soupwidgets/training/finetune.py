"""Fine-tuning of a zero-shot classifier on a suite's training images: end to end, head alone, or both in turn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from soupwidgets.checkpoints import CheckpointFile, write_checkpoint
from soupwidgets.models import Architecture, ImageClassifier
from soupwidgets.suites import Split, Suite
from soupwidgets.training.hyperparameters import Hyperparameters
from soupwidgets.training.loop import Show, train

_FEATURE_BATCH = 256
# A probe is cheap and its optimum far from the start: it takes larger steps than the tower.
_PROBE_LEARNING_RATE = 100.0

Progress = Callable[[str, int, int, float], None]


class TrainingError(ValueError):
    """A model cannot be trained on a suite; the message says why and what to do."""


def fine_tune(
    start: CheckpointFile,
    suite: Suite,
    settings: Hyperparameters,
    target: str | Path,
    name: str | None = None,
    device: str = "cpu",
    progress: Progress = lambda *_: None,
    state: Path | None = None,
) -> Path:
    """Fine-tune a classifier and write the result, with its hyper-parameters on the card.

    Parameters
    ----------
    start
        The zero-shot classifier (of `open_clip_classifier`, or a checkpoint with a card that says its architecture).
    suite
        Its training split is trained on; validation, test and shifts are not looked at.
    settings
        Seed and hyper-parameters.
    target
        The file to write.
    name
        Of the new checkpoint; the file's when None.
    device
        ``"cpu"`` or ``"cuda"``, where matrix products are computed in bfloat16.
    progress
        Called with what is done, steps done, steps in all, and the last loss.
    state
        Keeps the state of training; with it a run that was killed goes on.

    Returns
    -------
    Path
        ``target``.

    Raises
    ------
    TrainingError
        When the suite has no training split, or the model's classes or image size are others.
    ValueError
        When the loss is not finite.

    Notes
    -----
    End to end: arXiv 2109.01903 and 2203.05482. Linear probe, then fine-tuning: Kumar et al., arXiv 2202.10054.
    """
    target = Path(target)
    architecture, split = _check(start, suite)
    count = min(settings.images or len(split), len(split))
    model = architecture.build(device)
    model.load_state_dict({key: tensor.float() for key, tensor in start.read()})
    labels = torch.from_numpy(split.labels[:count]).to(device)
    views = _Views(split, architecture, settings, torch.device(device))
    if settings.mode != "end-to-end":
        _probe(model, views, labels, settings, partial_progress(progress, "linear probe"))
    if settings.mode != "linear-probe":
        train(
            model, model.parameters(), labels, architecture.classes, settings, views.show, views.normalise,
            partial_progress(progress, "fine-tuning"), state, mixed_precision=True,
        )  # fmt: skip
    card = {
        "name": name or target.stem,
        "role": "fine_tuned",
        "architecture": architecture.to_json(),
        "hyperparameters": asdict(settings),
        "started_from": start.content_hash,
    }
    write_checkpoint(target, {key: tensor.cpu() for key, tensor in model.state_dict().items()}, card)
    return target


def partial_progress(progress: Progress, what: str) -> Callable[[int, int, float], None]:
    """Progress of one phase."""
    return lambda done, steps, loss: progress(what, done, steps, loss)


def _check(start: CheckpointFile, suite: Suite) -> tuple[Architecture, Split]:
    if suite.training is None:
        raise TrainingError(
            f"the suite {suite.name!r} has no training images: build it with --train, "
            "for example soupwidgets suite build ... --train imagenet=PATH"
        )
    if start.card.architecture is None:
        raise TrainingError(f"{start.path}: nothing says what its tensors belong to; begin with open_clip_classifier")
    architecture = Architecture.from_json(dict(start.card.architecture))
    if architecture.classes != len(suite.classes):
        raise TrainingError(f"the model tells {architecture.classes} classes apart, the suite has {len(suite.classes)}")
    if suite.training.image_size != architecture.image_size:
        raise TrainingError(
            f"the model takes images of {architecture.image_size} pixels, the training images are "
            f"{suite.training.image_size}: build the suite again with --size {architecture.image_size[0]}"
        )
    return architecture, suite.training


class _Views:
    """Training images as the model is shown them."""

    def __init__(
        self, split: Split, architecture: Architecture, settings: Hyperparameters, device: torch.device
    ) -> None:
        self._images, self._settings, self._device = split.images, settings, device
        self._mean, self._std = (
            torch.tensor(x, dtype=torch.float32).view(-1, 1, 1).to(device)
            for x in (architecture.mean, architecture.std)
        )

    def plain(self, rows: NDArray[np.int64]) -> Tensor:
        """Images ``[n, channels, height, width]`` (uint8) as they are."""
        pixels = torch.from_numpy(np.ascontiguousarray(self._images[rows]))
        return (pixels[:, None] if pixels.ndim == 3 else pixels.permute(0, 3, 1, 2)).to(self._device)

    def show(self, rows: NDArray[np.int64], rng: np.random.Generator) -> Tensor:
        """Randomly flipped, cropped and augmented, in 0..1."""
        images = self.plain(rows)
        flip = torch.from_numpy(rng.random(len(rows)) < 0.5).to(self._device)
        images = torch.where(flip[:, None, None, None], images.flip(-1), images)
        seed = int(rng.integers(2**62))
        if self._settings.crop < 1 or self._settings.randaugment_operations:
            images = _augment(images, self._settings, seed)
        return images.float() / 255

    def normalise(self, images: Tensor) -> Tensor:
        """To the tower's input: three channels, normalised."""
        images = (images - self._mean) / self._std
        return images.expand(-1, 3, -1, -1)


def _augment(images: Tensor, settings: Hyperparameters, seed: int) -> Tensor:
    from torchvision.transforms import v2

    size = list(images.shape[-2:])
    steps: list[Any] = []
    if settings.crop < 1:
        steps.append(v2.RandomResizedCrop(size, scale=(settings.crop, 1.0), antialias=True))
    if settings.randaugment_operations:
        steps.append(v2.RandAugment(settings.randaugment_operations, settings.randaugment_magnitude))
    transform = v2.Compose(steps)
    # torchvision draws from torch's own generator, which dropout in the tower needs as well.
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return torch.stack([transform(image) for image in images])


def _probe(
    model: ImageClassifier,
    views: _Views,
    labels: Tensor,
    settings: Hyperparameters,
    progress: Callable[[int, int, float], None],
) -> None:
    """Train the head on features of unchanged images, which are computed once."""
    rows = np.arange(len(labels))
    parts = []
    with torch.inference_mode():
        for start in range(0, len(rows), _FEATURE_BATCH):
            images = views.plain(rows[start : start + _FEATURE_BATCH]).float() / 255
            parts.append(F.normalize(model.visual(views.normalise(images)), dim=-1))
    features = torch.cat(parts).clone()
    probing = replace(settings, learning_rate=_PROBE_LEARNING_RATE * settings.learning_rate, mixup=0.0)
    show: Show = lambda picked, _rng: features[torch.from_numpy(picked).to(features.device)]  # noqa: E731
    head: nn.Linear = model.head
    train(head, head.parameters(), labels, head.out_features, probing, show, lambda shown: shown, progress)
