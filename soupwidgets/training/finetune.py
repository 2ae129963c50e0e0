"""Fine-tuning a zero-shot classifier on a suite's training images: end to end, its head, both, or with captions."""

from __future__ import annotations

import glob
import os
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from soupwidgets.checkpoints import CheckpointFile, write_checkpoint
from soupwidgets.models import Architecture, ImageClassifier
from soupwidgets.suites import Augmentation, Suite
from soupwidgets.training.checks import check_training
from soupwidgets.training.errors import TrainingError
from soupwidgets.training.flyp import Flyp
from soupwidgets.training.hyperparameters import Hyperparameters
from soupwidgets.training.identity import require_same_run, run_identity
from soupwidgets.training.label_noise import LabelNoise, noisy_targets
from soupwidgets.training.linear_probe import linear_probe
from soupwidgets.training.loop import Epoch, train
from soupwidgets.training.teacher import taught
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
    augmented_epochs: int | None = None,
    teacher: CheckpointFile | None = None,
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
    augmented_epochs
        Number of epochs with ``augmentation``, from the first on, and with mixup; all when None.
    teacher
        Train on the probabilities that this classifier gives the unchanged training images, instead of their labels.

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
        or is given noise, a teacher, mixup of an augmentation, or fresh weights; when a teacher does not fit the suite,
        or comes with noise; when no image has the class whose labels alone are to have noise.
    ValueError
        When the loss is not finite, or an augmentation changes an image's shape.

    Notes
    -----
    End to end: arXiv 2109.01903 and 2203.05482. Linear probe, then fine-tuning (LP-FT): Kumar et al., arXiv
    2202.10054. With the contrastive loss (FLYP): Goyal et al., arXiv 2212.00638. From a teacher of the same kind:
    Furlanello et al., arXiv 1805.04770.
    """
    target = Path(target)
    architecture, split = check_training(start, suite)
    count = min(settings.images or len(split), len(split))
    mixes = augmentation is not None and augmentation.mixup > 0
    if settings.mode == "flyp" and (noise is not None or teacher is not None or fresh or mixes):
        raise TrainingError(
            "mode 'flyp' pairs images with captions of their labels: no noise, no teacher, no mixup, no fresh weights"
        )
    if settings.mode in ("linear-probe", "lp-ft") and any(x is not None for x in (augmentation, noise, teacher)):
        raise TrainingError(
            f"mode {settings.mode!r} trains a head on unchanged images: no augmentation, no noise, no teacher"
        )
    if noise is not None and teacher is not None:
        raise TrainingError("a training has noise on its labels, or a teacher instead of labels, not both")
    if noise is not None and noise.of_class is not None and noise.of_class not in split.labels[:count]:
        raise TrainingError(f"noise is to be on labels of class {noise.of_class}, and no training image has that class")
    identity = run_identity(
        start,
        suite,
        settings=settings,
        augmentation=augmentation,
        noise=noise,
        watch=watch,
        fresh=fresh,
        clip=clip,
        augmented_epochs=augmented_epochs,
        teacher=teacher,
    )
    called = name or target.stem
    for old in sorted(snapshots.glob(f"{glob.escape(called)}-epoch-*.safetensors")) if snapshots is not None else []:
        require_same_run(old, identity)
    if augmentation is not None and mixes:
        settings = replace(settings, mixup=augmentation.mixup)
    flyp = Flyp(start, suite, clip, device) if settings.mode == "flyp" else None
    model = _started(start, architecture, settings, device, fresh) if flyp is None else flyp.classifier
    labels = torch.from_numpy(split.labels[:count]).to(device)
    offset = 0.0
    if noise is not None:
        images, clean = split.images[:count], split.labels[:count]
        offset = noise.offset(images)
        shares = noise.values(images, offset) * noise.affected(clean)
        noisy = noisy_targets(clean, shares, architecture.classes)
        labels = torch.from_numpy(noisy).to(device)
    shown = partial(Views, split, architecture.inputs, settings=settings, device=torch.device(device))
    views = shown(augmentation=augmentation)
    if teacher is not None:
        labels = taught(teacher, suite, settings=settings, device=device)
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
            later=None if augmented_epochs is None else (augmented_epochs, shown().show),
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
