"""Sharpness: the largest eigenvalue of the loss's Hessian, by power iteration."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, jvp
from torch.nn.attention import SDPBackend, sdpa_kernel

from soupwidgets.evaluation import Evaluator
from soupwidgets.evaluation.tasks import losses_of
from soupwidgets.models import Inputs
from soupwidgets.recipe import Recipe
from soupwidgets.suites.named import split_named

_BATCH = 64
Vector = dict[str, Tensor]


@dataclass(frozen=True)
class Sharpness:
    """The state of a power iteration.

    Parameters
    ----------
    recipe
        The model.
    split
        The split of the images.
    images
        Number of images, the first ones of the seeded order.
    history
        The estimate of the eigenvalue (nats per squared length of weights) after each iteration.
    residual
        ``|H v - lambda v| / |lambda|`` of the last iteration: 0 for an eigenvector.
    tolerance
        Relative change of the estimate below which it counts as converged.
    """

    recipe: Recipe
    split: str
    images: int
    history: tuple[float, ...]
    residual: float
    tolerance: float

    @property
    def eigenvalue(self) -> float:
        """The current estimate of the eigenvalue of largest magnitude, with its sign."""
        return self.history[-1]

    @property
    def converged(self) -> bool:
        """Whether the last iteration changed the estimate by less than the tolerance."""
        if len(self.history) < 2:
            return False
        return abs(self.history[-1] - self.history[-2]) <= self.tolerance * abs(self.history[-1])


def sharpness(
    ev: Evaluator,
    model: str | Recipe,
    *,
    images: int = 256,
    iterations: int = 50,
    tolerance: float = 1e-3,
    split: str | None = None,
    seed: int = 0,
) -> Sharpness:
    """The final result of `stream_sharpness`."""
    for found in stream_sharpness(
        ev, model, images=images, iterations=iterations, tolerance=tolerance, split=split, seed=seed
    ):
        last = found
    return last


def stream_sharpness(
    ev: Evaluator,
    model: str | Recipe,
    *,
    images: int = 256,
    iterations: int = 50,
    tolerance: float = 1e-3,
    split: str | None = None,
    seed: int = 0,
) -> Iterator[Sharpness]:
    """Iterate ``v <- H v / |H v|`` with exact Hessian-vector products, H the Hessian of the mean cross-entropy.

    Parameters
    ----------
    images
        Number of images over which the loss is averaged: the first of the split's seeded order, so that it is the
        same loss for every model. Each iteration costs about five forward passes over them.
    tolerance
        Stop when the relative change of the estimate is below this.
    split
        The split of the images; the validation split when None.
    seed
        Seed for the first v.

    Yields
    ------
    Sharpness
        After each iteration.

    Raises
    ------
    ValueError
        When the loss or its curvature is not finite, or the classes of split and suite differ.
    PoolError, KeyError
        When the pool lacks a checkpoint, or the suite the split.

    Notes
    -----
    Hessian-vector products forward over reverse (Pearlmutter 1994), power iteration as in Yao et al.,
    arXiv 1912.07145, section 3. Models are in evaluation mode: statistics of batch normalisation are constants.
    """
    recipe = Recipe({model: 1}) if isinstance(model, str) else model
    where = split_named(ev.suite, split)
    if where.scoring.class_map is not None:
        raise ValueError(
            f"{where.name!r} has its own classes, but the Hessian is that of the loss over the suite's classes"
        )
    rows = ev.reader(where).order[:images]
    with ev.model(recipe) as shared:
        parameters = {name: tensor.detach().clone() for name, tensor in shared.named_parameters()}
    generator = torch.Generator().manual_seed(seed)
    start = {n: torch.randn(p.shape, generator=generator).to(p.device) for n, p in parameters.items()}

    def product(vector: Vector) -> Vector:
        total = {name: torch.zeros_like(p) for name, p in parameters.items()}
        for begin in range(0, len(rows), _BATCH):
            part = rows[begin : begin + _BATCH]
            images, labels = ev.batch(where, part)
            # Hold the model for one batch at a time, so that a slider that is dragged meanwhile gets its turn.
            # Attention in its plain form, the only one with second derivatives.
            with ev.model(recipe) as model, sdpa_kernel(SDPBackend.MATH):

                def loss(values: Vector, model: nn.Module = model, x: Inputs = images, y: Tensor = labels) -> Tensor:
                    return losses_of(functional_call(model, values, (x,)), y, where.scoring.task).mean()

                added = hessian_product(loss, parameters, vector)
            ev.computation.images += len(part)
            for name, value in added.items():
                total[name] += value * (len(part) / len(rows))
        return total

    history: list[float] = []
    for value, residual in power_iteration(product, start, iterations):
        history.append(value)
        found = Sharpness(recipe, where.name, len(rows), tuple(history), residual, tolerance)
        yield found
        if found.converged:
            return


def power_iteration(
    product: Callable[[Vector], Vector], start: Vector, iterations: int
) -> Iterator[tuple[float, float]]:
    """Iterate ``v <- H v / |H v|``.

    Parameters
    ----------
    product
        v to H v, for a symmetric H.
    start
        The first v, of any length above 0.
    iterations
        Maximum number of iterations; it stops early if H v is 0.

    Yields
    ------
    float, float
        Rayleigh quotient v.Hv, which tends to the eigenvalue of largest magnitude, and ``|H v - value v| / |value|``.

    Raises
    ------
    ValueError
        When H v is not finite.

    Examples
    --------
    >>> halves = {"w": torch.tensor([1.0, -3.0, 2.0])}
    >>> *_, (value, residual) = power_iteration(lambda v: {"w": halves["w"] * v["w"]}, {"w": torch.ones(3)}, 60)
    >>> round(value, 6), residual < 1e-6
    (-3.0, True)
    """
    vector = _scaled(start, 1 / _norm(start))
    for _ in range(iterations):
        moved = product(vector)
        value, length = _dot(vector, moved), _norm(moved)
        if not np.isfinite(value) or not np.isfinite(length):
            raise ValueError("the curvature of the loss is not a finite number here: the model's logits overflow")
        apart = _norm({name: moved[name] - value * vector[name] for name in moved})
        yield value, apart / abs(value) if value else float("inf")
        if length == 0:
            return
        vector = _scaled(moved, 1 / length)


def hessian_product(loss: Callable[[Vector], Tensor], at: Vector, vector: Vector) -> Vector:
    """The Hessian of a loss times a vector, forward over reverse: exact, at the cost of about five evaluations."""
    with warnings.catch_warnings():
        # torch scripts its own jvp rules on first use, and warns that scripting is deprecated.
        warnings.simplefilter("ignore", FutureWarning)
        found: Vector = jvp(grad(loss), (at,), (vector,))[1]
    return {name: value.detach() for name, value in found.items()}


def _dot(a: Vector, b: Vector) -> float:
    return float(sum((a[name].double() * b[name].double()).sum() for name in a))


def _norm(a: Vector) -> float:
    return float(np.sqrt(_dot(a, a)))


def _scaled(a: Vector, factor: float) -> Vector:
    return {name: value * factor for name, value in a.items()}
