"""The Fisher-weighted soup: each number counts as much as its model is sure of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.func import functional_call, grad, vmap
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils._pytree import tree_map
from tqdm.auto import tqdm

from soupwidgets.evaluation import Evaluator
from soupwidgets.evaluation.tasks import losses_of
from soupwidgets.methods.merged_file import write_from_buffer
from soupwidgets.methods.method import soup_method
from soupwidgets.methods.uniform import chosen_ingredients
from soupwidgets.mixing import check_target
from soupwidgets.models import saved_names
from soupwidgets.recipe import Recipe
from soupwidgets.suites import Task

_BATCH = 32
# Relative to the mean Fisher information: where no model is sure of a number, the plain average is taken.
_FLOOR = 1e-6


@soup_method("fisher", "Fisher", paper="Matena and Raffel, arXiv 2111.09832")
def fisher_soup(
    ev: Evaluator,
    path: str | Path,
    ingredients: Sequence[str] | None = None,
    *,
    images: int = 512,
    seed: int = 0,
    progress: bool = True,
    overwrite: bool = False,
) -> Path:
    """Average entry by entry with weights F_i / sum F_j, F_i the diagonal of model i's Fisher information.

    It is written to a file, because no recipe expresses it; see `ties`.

    Parameters
    ----------
    ev
        Evaluator of the pool. Images of its validation split are looked at, labels are not.
    path
        Where to write: ``.safetensors`` or ``.pt``.
    ingredients
        Names; the pool's fine-tuned models when None.
    images
        How many images the information is estimated from, drawn at random.
    seed
        Decides the images and the classes that are drawn.
    progress
        Whether to show a progress bar.
    overwrite
        Whether to replace a file that is there already.

    Returns
    -------
    Path
        The same path.

    Raises
    ------
    PoolError, ValueError
        As in `uniform_soup`; also when the path is an ingredient's own.

    Notes
    -----
    Matena and Raffel, arXiv 2111.09832, section 3.2. Statistics of batch
    normalisation have no gradient and are averaged plainly.
    """
    names = chosen_ingredients(ev.pool, ingredients)
    check_target(ev.pool, names, path, overwrite=overwrite)
    layout = ev.matrix.layout
    weighted, weights = ev.matrix.new_buffer().zero_(), ev.matrix.new_buffer().zero_()
    for name in tqdm(names, desc="Fisher information", unit="model", disable=not progress):
        information = ev.matrix.new_buffer().zero_()
        for tensor, values in fisher_information(ev, name, images=images, seed=seed).items():
            layout.places[tensor].view(information).copy_(values)
        information += max(_FLOOR * float(information.mean()), torch.finfo(torch.float32).tiny)
        weights += information
        weighted.addcmul_(information, ev.matrix.row(name))
    weighted /= weights

    settings = {"images": images, "seed": seed}
    return write_from_buffer(ev, path, names, weighted, "fisher", settings, progress=progress)


def fisher_information(ev: Evaluator, name: str, *, images: int = 512, seed: int = 0) -> dict[str, Tensor]:
    """The diagonal of the Fisher information of one checkpoint, by tensor.

    Parameters
    ----------
    ev
        Evaluator of the pool.
    name
        The checkpoint.
    images
        How many images of the validation split are drawn.
    seed
        Decides the images and the classes that are drawn.

    Returns
    -------
    dict[str, Tensor]
        Mean over images of the squared gradient of log p(y|x), with one class y
        drawn from the model's own prediction p(.|x) for each image.

    Raises
    ------
    PoolError
        When the pool has no such checkpoint.
    """
    split = ev.suite.validation
    task = split.scoring.task
    if task == "segmentation":
        raise ValueError("the Fisher information is estimated from one prediction an example, not from one a pixel")
    rng = np.random.default_rng(seed)
    rows = rng.permutation(len(split))[:images]
    numbers = ev.suite.outputs
    dice = _dice(rng, len(rows), numbers, task)
    # Losses are means over the numbers that come out; a likelihood is their product.
    factor = 1 if task == "single-label" else numbers
    total: dict[str, Tensor] = {}
    # The plain form of attention is the one that can be differentiated example by example in one go.
    with ev.model(Recipe({name: 1})) as model, sdpa_kernel(SDPBackend.MATH):
        parameters = {tensor: value.detach() for tensor, value in model.named_parameters()}
        stored = saved_names(model)

        def log_likelihood(values: dict[str, Tensor], example: Any, target: Tensor) -> Tensor:
            outputs: Tensor = functional_call(model, values, (tree_map(lambda x: x[None], example),))
            return -factor * losses_of(outputs, target[None], task)[0]

        for start in range(0, len(rows), _BATCH):
            batch, _ = ev.batch(split, rows[start : start + _BATCH])
            batch = tree_map(Tensor.contiguous, batch)
            with torch.no_grad():
                drawn = _draw(model(batch), dice[start : start + _BATCH].to(ev.device), task)
            for tensor, squares in _squares(log_likelihood, parameters, batch, drawn).items():
                total[tensor] = total[tensor] + squares if tensor in total else squares
            ev.computation.images += len(drawn)
    return {stored.get(tensor, tensor): values / len(rows) for tensor, values in total.items()}


def _dice(rng: np.random.Generator, n: int, numbers: int, task: Task) -> Tensor:
    if task == "single-label":
        return torch.from_numpy(rng.random(n))
    return torch.from_numpy(rng.random((n, numbers)) if task == "multi-label" else rng.standard_normal((n, numbers)))


def _draw(outputs: Tensor, dice: Tensor, task: Task) -> Tensor:
    """Targets drawn from the model's own prediction: a class, each class by itself, or a normal distribution."""
    if task == "regression":
        return outputs.reshape(len(outputs), -1) + dice.to(outputs.dtype)
    if task == "multi-label":
        return (dice < outputs.double().sigmoid()).to(outputs.dtype)
    cumulative = outputs.double().softmax(dim=1).cumsum(dim=1)
    return (cumulative < dice[:, None]).sum(dim=1).clamp(max=cumulative.shape[1] - 1)


def _squares(
    log_likelihood: Callable[..., Tensor], parameters: dict[str, Tensor], batch: Any, drawn: Tensor
) -> dict[str, Tensor]:
    """Squared gradients of each example, added up."""
    one = grad(log_likelihood)
    try:
        each = vmap(one, in_dims=(None, 0, 0))(parameters, batch, drawn)
        return {tensor: gradients.square().sum(dim=0) for tensor, gradients in each.items()}
    except RuntimeError:
        # A network that looks at its own numbers to decide what to do, as those of transformers look at their mask.
        found: dict[str, Tensor] = {}
        for row in range(len(drawn)):
            for tensor, gradient in one(parameters, tree_map(lambda x, r=row: x[r], batch), drawn[row]).items():
                found[tensor] = found.get(tensor, 0) + gradient.square()
        return found
