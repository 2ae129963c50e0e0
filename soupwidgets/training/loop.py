"""The training loop: AdamW, linear warm-up and cosine decay, mixup, resumable at any step."""

from __future__ import annotations

import json
import math
import pickle
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from soupwidgets.checkpoints import atomic_path
from soupwidgets.training.errors import TrainingError
from soupwidgets.training.identity import Identity, differences, plain

WARM_UP_SHARE = 0.05
# Results of an epoch: numbers by name.
Epoch = dict[str, float]
Show = Callable[[NDArray[np.int64], np.random.Generator], Tensor]
# From normalised inputs, the distribution over classes ``[n, classes]`` of each, and random numbers, to the loss in
# nats and how many were right.
Objective = Callable[[Tensor, Tensor, np.random.Generator], tuple[Tensor, int]]


class LoopSettings(Protocol):
    """The hyper-parameters that the loop needs."""

    @property
    def seed(self) -> int: ...  # noqa: D102
    @property
    def learning_rate(self) -> float: ...  # noqa: D102
    @property
    def epochs(self) -> int: ...  # noqa: D102
    @property
    def weight_decay(self) -> float: ...  # noqa: D102
    @property
    def label_smoothing(self) -> float: ...  # noqa: D102
    @property
    def mixup(self) -> float: ...  # noqa: D102
    @property
    def batch_size(self) -> int: ...  # noqa: D102


def cosine_schedule(step: int, steps: int, warm_up: int) -> float:
    """Fraction of the peak learning rate at ``step``: linear warm-up, then half a cosine down to zero."""
    if step < warm_up:
        return (step + 1) / warm_up
    return 0.5 * (1 + math.cos(math.pi * (step - warm_up) / max(1, steps - warm_up)))


def train(
    model: nn.Module,
    parameters: Iterable[nn.Parameter],
    *,
    labels: Tensor,
    classes: int,
    settings: LoopSettings,
    show: Show,
    normalise: Callable[[Tensor], Tensor],
    progress: Callable[[int, int, float], None],
    state: Path | None = None,
    save_every: int = 200,
    mixed_precision: bool = False,
    watch: Callable[[int], Epoch] | None = None,
    identity: Identity | None = None,
    objective: Objective | None = None,
    later: tuple[int, Show] | None = None,
) -> list[Epoch]:
    """Train a model in place.

    All randomness comes from the seed and the epoch, and the state of every
    generator is saved: a run that was stopped and resumed gives the same
    weights as an uninterrupted one.

    Parameters
    ----------
    model
        Module from normalised inputs to logits.
    parameters
        The parameters to train.
    labels
        Classes ``[n]``, or a distribution over them for each image, ``[n, classes]``; on the model's device.
    classes
        Number of classes.
    settings
        Seed and hyper-parameters.
    show
        Returns the augmented images of some rows, before `normalise`.
    normalise
        Applied after mixup.
    progress
        Called with the steps done, the total number of steps, and the last loss.
    state
        File for the state of training, from which an interrupted run resumes; removed at the end.
    save_every
        Number of steps between saved states.
    mixed_precision
        Compute in bfloat16 if the device is a GPU; weights stay float32.
    watch
        Called at the end of every epoch (counted from 1), with the model in evaluation mode; its
        result goes to the history.
    identity
        What the training was started from, as JSON values: a saved state of another training is refused. Only the
        settings when None.
    objective
        What is minimised, and counted as right; when None the cross-entropy of the model's logits, with the label
        smoothing of the settings, and their largest.
    later
        From which epoch on (counted from 0) images are shown in another way, without mixup, and how.

    Returns
    -------
    list[Epoch]
        The history, one entry for each epoch: ``loss``, the mean over its batches in nats, and ``accuracy`` (0..1)
        on the training images as they were shown, mixed ones by their larger share.

    Raises
    ------
    ValueError
        When there are fewer images than one batch needs, or the loss is not finite.
    TrainingError
        When the state belongs to a training that was started differently; the message says what differs.
    """
    device = labels.device
    per_epoch = len(labels) // settings.batch_size
    if per_epoch == 0:
        raise ValueError(f"{len(labels)} training images do not fill one batch of {settings.batch_size}")
    optimizer = torch.optim.AdamW(list(parameters), settings.learning_rate, weight_decay=settings.weight_decay)
    steps = per_epoch * settings.epochs
    warm_up = max(1, round(WARM_UP_SHARE * steps))
    fresh: dict[str, Any] = {"step": 0, "right": 0, "generator": None, "loss": 0.0, "history": []}
    started = plain({"settings": repr(settings)} if identity is None else identity)
    found = _load(state, model, optimizer, started) or fresh
    right, loss_sum = int(found["right"]), float(found["loss"])
    history: list[Epoch] = found["history"]
    minimised = objective or _classification(model, settings.label_smoothing)
    model.train()
    for epoch in range(found["step"] // per_epoch, settings.epochs):
        rng = np.random.default_rng([settings.seed, 2, epoch])
        order = rng.permutation(len(labels))
        late = later is not None and epoch >= later[0]
        first = found["step"] - epoch * per_epoch if epoch == found["step"] // per_epoch else 0
        if first:
            rng.bit_generator.state = found["generator"]
        else:
            right, loss_sum = 0, 0.0
        for batch in range(first, per_epoch):
            rows = order[batch * settings.batch_size : (batch + 1) * settings.batch_size]
            shown = later[1](rows, rng) if later is not None and late else show(rows, rng)
            targets = labels[torch.from_numpy(rows).to(device)]
            if targets.ndim == 1:
                targets = F.one_hot(targets, classes).float()
            if settings.mixup and not late:
                share = float(rng.beta(settings.mixup, settings.mixup))
                partner = torch.from_numpy(rng.permutation(len(rows))).to(device)
                shown = share * shown + (1 - share) * shown[partner]
                targets = share * targets + (1 - share) * targets[partner]
            step = epoch * per_epoch + batch
            for group in optimizer.param_groups:
                group["lr"] = settings.learning_rate * cosine_schedule(step, steps, warm_up)
            with torch.autocast(device.type, torch.bfloat16, enabled=mixed_precision and device.type == "cuda"):
                loss, hits = minimised(normalise(shown), targets, rng)
            if not torch.isfinite(loss):
                raise ValueError(f"the loss is {float(loss)} at step {step + 1} of {steps}: lower the learning rate")
            optimizer.zero_grad()
            torch.autograd.backward(loss)
            optimizer.step()
            right += hits
            loss_sum += float(loss.detach())
            progress(step + 1, steps, float(loss.detach()))
            if batch + 1 == per_epoch:
                seen = {"loss": loss_sum / per_epoch, "accuracy": right / (per_epoch * settings.batch_size)}
                model.eval()
                history.append(seen | ({} if watch is None else watch(epoch + 1)))
                model.train()
            if state is not None and (step + 1) % save_every == 0 and step + 1 < steps:
                so_far = {"step": step + 1, "right": right, "loss": loss_sum, "history": history}
                _save(state, model, optimizer, started, so_far, rng)
    model.eval()
    if state is not None:
        state.unlink(missing_ok=True)
    return history


def _classification(model: nn.Module, label_smoothing: float) -> Objective:
    def cross_entropy(inputs: Tensor, targets: Tensor, _rng: np.random.Generator) -> tuple[Tensor, int]:
        logits = model(inputs)
        loss = F.cross_entropy(logits.float(), targets, label_smoothing=label_smoothing)
        return loss, int((logits.argmax(1) == targets.argmax(1)).sum())

    return cross_entropy


def _save(
    path: Path,
    model: nn.Module,
    optimizer: Any,
    identity: Identity,
    so_far: dict[str, Any],
    rng: np.random.Generator,
) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {
        **so_far,
        "identity": json.dumps(identity),
        "generator": rng.bit_generator.state,
        "torch": torch.get_rng_state(),
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
    }
    with atomic_path(path) as temporary:
        torch.save(content, temporary)


def _load(path: Path | None, model: nn.Module, optimizer: Any, identity: Identity) -> dict[str, Any] | None:
    """The saved state, if it belongs to this very training."""
    if path is None or not path.exists():
        return None
    what_to_do = "use another folder or name, or delete it to start again"
    try:
        found: dict[str, Any] = torch.load(path, weights_only=True)
        started = found.get("identity")
        if started is None:
            raise TrainingError(
                f"{path} was saved by a version that did not record what a run was started from, so resuming might mix "
                "two runs: delete it to start again"
            )
        other = differences(json.loads(started), identity)
        if other:
            raise TrainingError(
                f"{path} belongs to a run that was started differently ({'; '.join(other)}): {what_to_do}"
            )
        model.load_state_dict(found["model"])
        optimizer.load_state_dict(found["optimizer"])
        torch.set_rng_state(found["torch"])
    except TrainingError:
        raise
    except (OSError, RuntimeError, EOFError, pickle.UnpicklingError, LookupError, TypeError, ValueError,
            AttributeError) as error:  # fmt: skip
        raise TrainingError(f"{path}: cannot be read as a saved state ({error!r:.200}): {what_to_do}") from error
    return found
