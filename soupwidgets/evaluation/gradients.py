"""Gradients of the held-out loss with respect to a recipe's coefficients, through one model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.func import functional_call

from soupwidgets.evaluation.evaluator import Evaluator
from soupwidgets.evaluation.tasks import answers, losses_of
from soupwidgets.models import saved_names
from soupwidgets.recipe import Recipe
from soupwidgets.suites import Split, Task


@dataclass(frozen=True)
class CoefficientGradient:
    """Loss of one batch, and its derivatives.

    Parameters
    ----------
    loss
        Mean loss of the task (cross-entropy in nats) of the logits times beta.
    correct
        How many images were classified correctly.
    by_tensor
        ``[tensors, names]`` float64: derivative of the loss with respect to the coefficient
        of each checkpoint in each floating-point tensor, in the order of the matrix's layout.
    beta
        Derivative with respect to the logit scale.
    """

    loss: float
    correct: int
    by_tensor: NDArray[np.float64]
    beta: float


def coefficient_gradient(
    ev: Evaluator,
    recipe: Recipe,
    names: Sequence[str],
    split: Split,
    rows: NDArray[np.int64],
    beta: float = 1.0,
    losses: Callable[[Tensor, Tensor, Task], Tensor] = losses_of,
) -> CoefficientGradient:
    """Differentiate the loss of some images with respect to the coefficients.

    One backward pass through one model gives dL/dtheta; the derivative with respect to the
    coefficient of theta_i is its inner product with theta_i. The memory needed is therefore
    that of one model, however many are in the pool's matrix.

    Parameters
    ----------
    ev
        The evaluator.
    recipe
        The point at which to differentiate.
    names
        The checkpoints whose coefficients to differentiate by.
    split
        One of the suite's.
    rows
        Positions of the images in the split's own order.
    beta
        The factor by which the logits are multiplied.
    losses
        From outputs, labels and the task to the loss of each example ``[n]``; that of the task if not given.

    Returns
    -------
    CoefficientGradient
        Tensors without a gradient (statistics of batch normalisation) count as 0.

    Raises
    ------
    PoolError
        When the recipe names a checkpoint that the pool lacks.
    """
    with ev.model(recipe) as model:
        parameters = {name: tensor.detach().requires_grad_() for name, tensor in model.named_parameters()}
        scale = torch.tensor(beta, device=ev.device, requires_grad=True)
        images, labels = ev.batch(split, rows)
        logits: Tensor = functional_call(model, parameters, (images,))
        task = split.scoring.task
        loss = losses(scale * logits, labels, task).mean()
        *gradients, by_beta = torch.autograd.grad(loss, [*parameters.values(), scale])
        ev.computation.images += len(rows)
        places = ev.matrix.layout.places
        stored = saved_names(model)
        flat = {stored.get(name, name): one for name, one in zip(parameters, gradients, strict=True)}
        nothing = torch.zeros((), device=ev.device)
        products = []
        for name in names:
            # One at a time: the row of an adapter is made for this, and let go.
            row = ev.matrix.row(name)
            products.append(
                torch.stack(
                    [
                        torch.dot(place.view(row).reshape(-1), flat[tensor].reshape(-1)) if tensor in flat else nothing
                        for tensor, place in places.items()
                    ]
                )
            )
        # Moved to the CPU once, at the end: on a GPU, fetching each number would wait for all work before it.
        found = torch.stack(products, dim=1).double().cpu().numpy()
    correct = int(answers(logits.detach(), labels, task)[1].sum())
    return CoefficientGradient(loss.item(), correct, found, float(by_beta))


def losses_at(
    ev: Evaluator, recipe: Recipe, split: Split, rows: NDArray[np.int64], beta: float = 1.0, batch: int = 256
) -> tuple[NDArray[np.float64], int]:
    """The loss of some examples at a point, as ``coefficient_gradient`` has it, without any derivative.

    Parameters
    ----------
    ev, recipe, split, rows, beta
        As in ``coefficient_gradient``.
    batch
        Examples at once.

    Returns
    -------
    losses
        Of each example, of the task (cross-entropy in nats), of the logits times beta; ``[n]``.
    right
        How many examples were answered correctly.

    Raises
    ------
    PoolError
        When the recipe names a checkpoint that the pool lacks.
    """
    found, correct, task = [], 0, split.scoring.task
    # Not in inference mode: what a batch keeps may be differentiated through later.
    with ev.model(recipe) as model, torch.no_grad():
        for start in range(0, len(rows), batch):
            part = rows[start : start + batch]
            inputs, labels = ev.batch(split, part)
            logits: Tensor = model(inputs)
            found.append(losses_of(beta * logits, labels, task).double().cpu().numpy())
            correct += int(answers(logits, labels, task)[1].sum())
            ev.computation.images += len(part)
    return np.concatenate(found), correct
