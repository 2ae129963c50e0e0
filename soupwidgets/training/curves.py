"""Training of a curve between two models on which the loss stays low."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.func import functional_call

from soupwidgets.checkpoints import CheckpointFile
from soupwidgets.mixing import CurveKind, check_target, curve_coefficients, save_stream
from soupwidgets.pool import Pool
from soupwidgets.suites import Suite
from soupwidgets.training.finetune import check_training
from soupwidgets.training.hyperparameters import Hyperparameters
from soupwidgets.training.loop import train
from soupwidgets.training.views import Views

# As fine-tuning of the bundled models; every real run sets its own.
_SETTINGS = Hyperparameters(seed=0, learning_rate=1e-3, epochs=10, weight_decay=0.0, crop=1.0, batch_size=64)


def fit_curve(
    pool: Pool,
    suite: Suite,
    first: str,
    second: str,
    path: str | Path,
    kind: CurveKind = "bezier",
    settings: Hyperparameters = _SETTINGS,
    device: str = "cpu",
    progress: Callable[[int, int, float], None] = lambda *_: None,
    state: Path | None = None,
) -> Path:
    """Find the bend of a curve from one checkpoint to another whose points have a low loss.

    Every step draws one t, evenly from 0..1, and improves the model there. The bend begins in the
    middle of the straight line.

    Parameters
    ----------
    pool
        Has both checkpoints.
    suite
        Its training split is trained on; nothing else is looked at.
    first, second
        The ends, which stay as they are.
    path
        Where the bend is written: ``.safetensors`` or ``.pt``.
    kind
        ``"bezier"`` or ``"polygon"``.
    settings
        As for fine-tuning, end to end.
    device
        ``"cpu"`` or ``"cuda"``.
    progress
        Called with steps done, steps in all, and the last loss.
    state
        Keeps the state of training; with it a run that was killed goes on.

    Returns
    -------
    Path
        The same path. With `Pool.including` it joins the pool, in the role ``landmark``; then
        ``mixing.Curve(first, name, second, kind)`` has the recipes.

    Raises
    ------
    TrainingError
        When the suite has no training split, the models do not fit it, or the state is of another curve.
    PoolError, ValueError
        When a checkpoint is not in the pool, both are the same, the path is one of theirs, or the loss is not finite.

    Notes
    -----
    Garipov et al., arXiv 1802.10026, section 3.1: the expectation of the loss over t, which is drawn evenly.
    """
    pool.require([first, second])
    if first == second:
        raise ValueError(f"both ends of the curve are {first!r}")
    check_target(pool, [first, second], path, overwrite=True)
    files = [pool.checkpoints[name] for name in (first, second)]
    architecture, split = check_training(files[0], suite)
    count = min(settings.images or len(split), len(split))
    labels = torch.from_numpy(split.labels[:count]).to(device)
    identity = {
        "curve": {"kind": kind, "from": files[0].content_hash, "to": files[1].content_hash},
        "hyperparameters": asdict(settings),
        "training_images": split.content_hash,
    }
    views = Views(split, architecture, settings, torch.device(device))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        model = _CurveModel(architecture.build(device), files[0], files[1], kind)
        train(
            model, model.bend.values(), labels, architecture.classes, settings, views.show, views.normalise,
            progress, state, mixed_precision=True, identity=identity,
        )  # fmt: skip
    middle = model.middle()
    stream = ((name, middle.get(name, tensor)) for name, tensor in files[0].read())
    card = {
        "role": "landmark",
        "note": f"bends a {kind} curve from {first} to {second}",
        **identity,
    }
    return save_stream(pool, path, stream, card, progress=False)


class _CurveModel(nn.Module):
    """A classifier whose weights lie at a random point of the curve, another one in every pass."""

    def __init__(self, model: nn.Module, first: CheckpointFile, second: CheckpointFile, kind: CurveKind) -> None:
        super().__init__()
        self._kind = kind
        # Not a submodule: its own weights are never used, and are no part of the state.
        self._model = [model]
        device = next(model.parameters()).device
        self._ends = [
            {name: tensor.float().to(device) for name, tensor in file.read() if tensor.is_floating_point()}
            for file in (first, second)
        ]
        # A name of a parameter may hold no dot.
        self.bend = nn.ParameterDict(
            {
                name.replace(".", "/"): nn.Parameter((self._ends[0][name] + self._ends[1][name]) / 2)
                for name, _ in model.named_parameters()
            }
        )

    def middle(self) -> dict[str, Tensor]:
        """The trained bend; tensors that are not trained (statistics of batch normalisation) averaged over the ends."""
        first, second = self._ends
        trained = {name.replace("/", "."): tensor.detach() for name, tensor in self.bend.items()}
        return {name: trained.get(name, (first[name] + second[name]) / 2).cpu() for name in first}

    def forward(self, images: Tensor) -> Tensor:
        """Logits of the model at one random t."""
        model = self._model[0]
        a, m, b = curve_coefficients(self._kind, float(torch.rand(())))
        weights = {
            name: a * self._ends[0][name] + m * self.bend[name.replace(".", "/")] + b * self._ends[1][name]
            for name, _ in model.named_parameters()
        }
        logits: Tensor = functional_call(model.train(self.training), weights, (images,))
        return logits
