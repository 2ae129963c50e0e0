"""Fine-tuning a zero-shot classifier on a suite's training images: end to end, its head, both, or with captions."""

from __future__ import annotations

import glob
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from soupwidgets.checkpoints import CheckpointFile, write_checkpoint
from soupwidgets.models import Architecture, ImageClassifier
from soupwidgets.suites import Augmentation, Split, Suite
from soupwidgets.training.errors import TrainingError
from soupwidgets.training.flyp import Flyp
from soupwidgets.training.hyperparameters import Hyperparameters
from soupwidgets.training.identity import require_same_run, run_identity
from soupwidgets.training.label_noise import LabelNoise, noisy_targets
from soupwidgets.training.linear_probe import linear_probe
from soupwidgets.training.loop import Epoch, train
from soupwidgets.training.views import Views
from soupwidgets.training.watching import Watch

Progress = Callable[[str, int, int, float], None]


def fine_tune(
    start: CheckpointFile,
    suite: Suite,
    *,
    settings: Hyperparameters,
    target: str | Path,
    name: str | None = None,
    device: str = "cpu",
    progress: Progress = lambda *_: None,
    state: Path | None = None,
    augmentation: Augmentation | None = None,
    noise: LabelNoise | None = None,
    watch: int = 0,
    fresh: bool = False,
    snapshots: Path | None = None,
    clip: str | None = None,
) -> Path:
    """Fine-tune a classifier and write the result, with its hyper-parameters on the card.

    Parameters
    ----------
    start
        The zero-shot classifier (from `open_clip_classifier`, or a checkpoint whose card states its architecture).
    suite
        The suite: its training split is trained on; test and shifts are not used, and validation only by ``watch``.
    settings
        Seed and hyper-parameters.
    target
        The file to write.
    name
        Name of the new checkpoint; the file's name when None.
    device
        ``"cpu"`` or ``"cuda"``, where matrix products are computed in bfloat16.
    progress
        Called with the current phase, the steps done, the total number of steps, and the last loss.
    state
        File for the state of training, from which an interrupted run resumes.
    augmentation
        Applied to the training images after the flips, crops and so on of ``settings``; its mixup replaces theirs.
    noise
        Noise added to the training labels.
    watch
        Number of validation images to measure after each epoch: their accuracy and loss go to the history, and are
        not used for any selection.
    fresh
        Start from random weights given by the seed, instead of those of ``start``.
    snapshots
        Folder for the model after every epoch, as ``<name>-epoch-01.safetensors`` and so on: a trajectory for
        `ema`, `swa`, `lawa`, `landscape.trajectory_plane` and `spectrum.model_frequencies`.
    clip
        For mode ``"flyp"``: open_clip's name of the model whose file ``start`` is seen in, with both towers.

    Returns
    -------
    Path
        ``target``. Its card has the history (training loss and accuracy of every epoch) and what the run was started
        from: content hashes of the start and of the images, and all hyper-parameters.

    Raises
    ------
    TrainingError
        When the suite has no training split, or the model's classes or image size do not match it; when a linear
        probe, which uses unchanged images and labels, is given augmentation or noise; when ``state`` or
        ``snapshots`` has a run of this name that was started differently; when mode ``"flyp"`` finds no text tower,
        or is given noise, mixup of an augmentation, or fresh weights.
    ValueError
        When the loss is not finite, or an augmentation changes an image's shape.

    Notes
    -----
    End to end: arXiv 2109.01903 and 2203.05482. Linear probe, then fine-tuning (LP-FT): Kumar et al., arXiv
    2202.10054. With the contrastive loss (FLYP): Goyal et al., arXiv 2212.00638.
    """
    target = Path(target)
    architecture, split = check_training(start, suite)
    count = min(settings.images or len(split), len(split))
    if settings.mode == "flyp" and (noise is not None or fresh or (augmentation is not None and augmentation.mixup)):
        raise TrainingError(
            "mode 'flyp' pairs images with captions of their labels: no noise, no mixup, no fresh weights"
        )
    if settings.mode in ("linear-probe", "lp-ft") and (augmentation is not None or noise is not None):
        raise TrainingError(f"mode {settings.mode!r} trains a head on unchanged images: no augmentation, no noise")
    identity = run_identity(
        start, suite, settings=settings, augmentation=augmentation, noise=noise, watch=watch, fresh=fresh, clip=clip
    )
    called = name or target.stem
    for old in sorted(snapshots.glob(f"{glob.escape(called)}-epoch-*.safetensors")) if snapshots is not None else []:
        require_same_run(old, identity)
    if augmentation is not None and augmentation.mixup:
        settings = replace(settings, mixup=augmentation.mixup)
    flyp = Flyp(start, suite, clip, device) if settings.mode == "flyp" else None
    model = _started(start, architecture, settings, device, fresh) if flyp is None else flyp.classifier
    labels = torch.from_numpy(split.labels[:count]).to(device)
    offset = 0.0
    if noise is not None:
        shown = split.images[:count]
        offset = noise.offset(shown)
        noisy = noisy_targets(split.labels[:count], noise.values(shown, offset), architecture.classes)
        labels = torch.from_numpy(noisy).to(device)
    views = Views(split, architecture.inputs, settings=settings, device=torch.device(device), augmentation=augmentation)
    look: Watch | None = None
    if watch:
        held_out = suite.validation
        plain = Views(held_out, architecture.inputs, settings=settings, device=torch.device(device))
        look = Watch(
            model, held_out, views=plain, images=watch, classes=architecture.classes, noise=noise, offset=offset
        )
    card: dict[str, Any] = {
        "name": called,
        "role": "fine_tuned",
        **{key: value for key, value in identity.items() if value is not None},
    }

    def at_the_end(epoch: int) -> Epoch:
        if flyp is not None:
            flyp.refresh()
        if snapshots is not None:
            snapshot = f"{called}-epoch-{epoch:02}"
            write_checkpoint(snapshots / f"{snapshot}.safetensors", _weights(model), {**card, "name": snapshot})
        return {} if look is None else look(epoch)

    history: list[Epoch] = []
    # A state of what follows the probe has its head already.
    goes_on = settings.mode == "lp-ft" and state is not None and state.exists()
    if settings.mode in ("linear-probe", "lp-ft") and not goes_on:
        history = linear_probe(
            model, views, labels, settings=settings, progress=partial_progress(progress, "linear probe")
        )
    trained = model if flyp is None else flyp.clip
    if settings.mode != "linear-probe":
        # A relative path, so that snapshots are found when the whole folder is moved.
        kept = None if snapshots is None else [called, os.path.relpath(snapshots, target.parent)]
        history = train(
            trained,
            trained.parameters(),
            labels=labels,
            classes=architecture.classes,
            settings=settings,
            show=views.show,
            normalise=views.normalise,
            progress=partial_progress(progress, "fine-tuning"),
            state=state,
            mixed_precision=True,
            watch=at_the_end,
            identity={**identity, "snapshots": kept},
            objective=None if flyp is None else flyp.loss,
        )
    write_checkpoint(target, _weights(model), {**card, "history": history})
    return target


def _started(
    start: CheckpointFile, architecture: Architecture, settings: Hyperparameters, device: str, fresh: bool
) -> ImageClassifier:
    """The classifier with the weights of the start, or with those of the seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        model = architecture.build(device)
    if not fresh:
        model.load_state_dict({key: tensor.float() for key, tensor in start.read()})
    return model


def _weights(model: ImageClassifier) -> dict[str, Tensor]:
    return {key: tensor.detach().cpu() for key, tensor in model.state_dict().items()}


def partial_progress(progress: Progress, what: str) -> Callable[[int, int, float], None]:
    """A progress callback for one phase."""
    return lambda done, steps, loss: progress(what, done, steps, loss)


def check_training(start: CheckpointFile, suite: Suite) -> tuple[Architecture, Split]:
    """The architecture of a model and the images to train it on.

    Raises
    ------
    TrainingError
        When the suite has no training split, or the model does not fit it.
    """
    split = training_split(suite)
    if start.card.architecture is None:
        raise TrainingError(f"{start.path}: its architecture is not stated; start from open_clip_classifier")
    architecture = Architecture.from_json(dict(start.card.architecture))
    if architecture.classes != len(suite.classes):
        raise TrainingError(
            f"the model distinguishes {architecture.classes} classes, but the suite has {len(suite.classes)}"
        )
    if split.image_size != architecture.image_size:
        raise TrainingError(
            f"the model takes images of {architecture.image_size} pixels, but the training images are "
            f"{split.image_size}: build the suite again with --size {architecture.image_size[0]}"
        )
    return architecture, split


def training_split(suite: Suite) -> Split:
    """The images to train on; raises `TrainingError` when there are none."""
    if suite.training is None:
        raise TrainingError(
            f"the suite {suite.name!r} has no training images: build it with --train, "
            "for example soupwidgets suite build ... --train imagenet=PATH"
        )
    return suite.training
