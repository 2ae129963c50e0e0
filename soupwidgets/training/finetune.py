"""Fine-tuning of a zero-shot classifier on a suite's training images: end to end, head alone, or both in turn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from soupwidgets.checkpoints import CheckpointFile, write_checkpoint
from soupwidgets.models import Architecture, ImageClassifier
from soupwidgets.suites import Split, Suite
from soupwidgets.training.hyperparameters import Hyperparameters
from soupwidgets.training.loop import Show, train
from soupwidgets.training.views import Views

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
    architecture, split = check_training(start, suite)
    count = min(settings.images or len(split), len(split))
    model = architecture.build(device)
    model.load_state_dict({key: tensor.float() for key, tensor in start.read()})
    labels = torch.from_numpy(split.labels[:count]).to(device)
    views = Views(split, architecture, settings, torch.device(device))
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


def check_training(start: CheckpointFile, suite: Suite) -> tuple[Architecture, Split]:
    """What a model is and which images it is trained on.

    Raises
    ------
    TrainingError
        When the suite has no training split, or the model does not fit it.
    """
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


def _probe(
    model: ImageClassifier,
    views: Views,
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
