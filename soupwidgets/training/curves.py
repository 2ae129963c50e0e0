"""Training a curve between two models along which the loss stays low."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.func import functional_call

from soupwidgets.checkpoints import CheckpointFile
from soupwidgets.mixing import CurveKind, check_target, curve_coefficients, save_stream
from soupwidgets.models import Images, Model, guess, model_from_json, saved_names, the_one, under_names
from soupwidgets.pool import Pool
from soupwidgets.suites import Split, Suite
from soupwidgets.training.checks import training_split
from soupwidgets.training.errors import TrainingError
from soupwidgets.training.hyperparameters import Hyperparameters
from soupwidgets.training.loop import train
from soupwidgets.training.views import Views

# As for fine-tuning the bundled models; set your own for real runs.
_SETTINGS = Hyperparameters(seed=0, learning_rate=1e-3, epochs=10, weight_decay=0.0, crop=1.0, batch_size=64)


def fit_curve(
    pool: Pool,
    suite: Suite,
    *,
    first: str,
    second: str,
    path: str | Path,
    kind: CurveKind = "bezier",
    settings: Hyperparameters = _SETTINGS,
    device: str = "cpu",
    progress: Callable[[int, int, float], None] = lambda *_: None,
    state: Path | None = None,
) -> Path:
    """Find the bend of a curve from one checkpoint to another along which the loss is low.

    Every step draws one t uniformly from 0..1, and improves the model there. The bend starts at the
    middle of the straight line.

    Parameters
    ----------
    pool
        The pool with both checkpoints, image classifiers of any library; the model is what a card or a configuration
        beside the file says, else what the names and shapes of the tensors leave no doubt about.
    suite
        The suite; only its training split is used.
    first, second
        Names of the ends, which are not changed.
    path
        File for the bend: ``.safetensors`` or ``.pt``.
    kind
        ``"bezier"`` or ``"polygon"``.
    settings
        Settings as for end-to-end fine-tuning.
    device
        ``"cpu"`` or ``"cuda"``.
    progress
        Called with the steps done, the total number of steps, and the last loss.
    state
        File for the state of training, from which an interrupted run resumes.

    Returns
    -------
    Path
        The same path. With `Pool.including` it joins the pool, in the role ``landmark``; then
        ``mixing.Curve(first, name, second, kind)`` has the recipes.

    Raises
    ------
    TrainingError
        When the suite has no training split, the models are not known or do not fit it, or the state belongs to
        another curve.
    PoolError, ValueError
        When a checkpoint is not in the pool, both are the same, the path is one of theirs, or the loss is not finite.

    Notes
    -----
    Garipov et al., arXiv 1802.10026, section 3.1: the expected loss over uniformly drawn t.
    """
    pool.require([first, second])
    if first == second:
        raise ValueError(f"both ends of the curve are {first!r}")
    check_target(pool, [first, second], path, overwrite=True)
    files = [pool.checkpoints[name] for name in (first, second)]
    split = training_split(suite)
    described, inputs = _described(files[0], suite, split)
    count = min(settings.images or len(split), len(split))
    labels = torch.from_numpy(split.labels[:count]).to(device)
    identity = {
        "curve": {"kind": kind, "from": files[0].content_hash, "to": files[1].content_hash},
        "hyperparameters": asdict(settings),
        "training_images": split.content_hash,
    }
    views = Views(split, inputs, settings=settings, device=torch.device(device))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        network = under_names(described.build(device), files[0].tensors)
        model = _CurveModel(network, files[0], files[1], kind)
        train(
            model,
            model.bend.values(),
            labels=labels,
            classes=len(suite.classes),
            settings=settings,
            show=views.show,
            normalise=views.normalise,
            progress=progress,
            state=state,
            mixed_precision=True,
            identity=identity,
        )
    middle = model.middle()
    stream = ((name, middle.get(name, tensor)) for name, tensor in files[0].read())
    card = {
        "role": "landmark",
        "note": f"bends a {kind} curve from {first} to {second}",
        **identity,
    }
    return save_stream(pool, path, stream, card=card, progress=False)


def _described(file: CheckpointFile, suite: Suite, split: Split) -> tuple[Model, Images]:
    """What the network is and what it takes; raises `TrainingError` when that is not known, or not these images."""
    card = file.card.architecture
    model = the_one(guess(file.tensors, file.path.parent)) if card is None else model_from_json(card)
    if model is None:
        raise TrainingError(
            f"{file.path}: which network it is is neither stated nor clear from its tensors; a file that "
            "Evaluator(..., model=...).save(name, path) writes states it"
        )
    if not isinstance(model.inputs, Images):
        raise TrainingError(f"{file.path}: a curve is trained on images, and this network takes none")
    why = model.inputs.misfit(split.form)
    if not why and model.classes != len(suite.classes):
        why = f"the model distinguishes {model.classes} classes, but the suite has {len(suite.classes)}"
    if why:
        raise TrainingError(f"{file.path}: {why}")
    return model, model.inputs


class _CurveModel(nn.Module):
    """A classifier with weights at a random point of the curve, drawn for every pass."""

    def __init__(self, model: nn.Module, first: CheckpointFile, second: CheckpointFile, kind: CurveKind) -> None:
        super().__init__()
        self._kind = kind
        # Not a submodule: its own weights are never used, and are not part of the state.
        self._model = [model]
        stored = saved_names(model)
        # Names in memory with those in the files.
        self._names = [(name, stored.get(name, name)) for name, _ in model.named_parameters()]
        device = next(model.parameters()).device
        self._ends = [
            {name: tensor.float().to(device) for name, tensor in file.read() if tensor.is_floating_point()}
            for file in (first, second)
        ]
        # Parameter names must not contain dots.
        self.bend = nn.ParameterDict(
            {
                name.replace(".", "/"): nn.Parameter((self._ends[0][name] + self._ends[1][name]) / 2)
                for _, name in self._names
            }
        )

    def middle(self) -> dict[str, Tensor]:
        """The trained bend; untrained tensors (statistics of batch normalisation) are averaged over the ends."""
        first, second = self._ends
        trained = {name.replace("/", "."): tensor.detach() for name, tensor in self.bend.items()}
        return {name: trained.get(name, (first[name] + second[name]) / 2).cpu() for name in first}

    def forward(self, images: Tensor) -> Tensor:
        """Logits of the model at one random t."""
        model = self._model[0]
        a, m, b = curve_coefficients(self._kind, float(torch.rand(())))
        weights = {
            name: a * self._ends[0][stored] + m * self.bend[stored.replace(".", "/")] + b * self._ends[1][stored]
            for name, stored in self._names
        }
        logits: Tensor = functional_call(model.train(self.training), weights, (images,))
        return logits
