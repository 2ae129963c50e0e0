"""AdaMerging: coefficients by layer that make the merged model sure of its answers, without labels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from tqdm.auto import tqdm

from soupwidgets.evaluation import Evaluator
from soupwidgets.evaluation.gradients import coefficient_gradient
from soupwidgets.methods.advice import warn
from soupwidgets.methods.check import worse_than_best
from soupwidgets.methods.merged_file import moved_ingredients
from soupwidgets.methods.method import soup_method
from soupwidgets.recipe import Recipe
from soupwidgets.suites import Task


@dataclass(frozen=True)
class AdaMerged:
    """The recipe of AdaMerging, and how sure the model became.

    Parameters
    ----------
    recipe
        With coefficients by tensor.
    entropies
        Mean entropy of the predictions (nats) over each pass, while the coefficients moved.
    """

    recipe: Recipe
    entropies: tuple[float, ...]

    def __repr__(self) -> str:
        ends = f", entropy {self.entropies[0]:.4f} to {self.entropies[-1]:.4f}" if self.entropies else ""
        return f"AdaMerged({len(self.recipe)} checkpoints by layer, {len(self.entropies)} epochs{ends})"

    def to_json(self) -> dict[str, Any]:
        """The trace as plain values; ``loss`` is the entropy in nats, and no label was looked at."""
        return {"metric": "entropy", "epochs": [{"loss": value, "accuracy": None} for value in self.entropies]}


def _steps(
    ev: Evaluator, ingredients: Sequence[str] | None = None, **options: Any
) -> Iterator[tuple[int, int, AdaMerged]]:
    # `adamerging_steps` stands below what it is the steps of.
    return adamerging_steps(ev, ingredients, **options)


@soup_method("adamerging", "AdaMerging", paper="Yang et al., arXiv 2310.02575", steps=_steps)
def adamerging(
    ev: Evaluator,
    ingredients: Sequence[str] | None = None,
    *,
    epochs: int = 5,
    learning_rate: float = 1e-3,
    batch: int = 64,
    seed: int = 0,
    progress: bool = True,
) -> AdaMerged:
    """Minimise the entropy of predictions on validation images over the task vectors' coefficients, layer by layer.

    Parameters
    ----------
    ev
        Evaluator of a pool with the zero-shot model. Images of the validation split are looked at, labels are not.
    ingredients
        Names; the pool's fine-tuned models when None.
    epochs
        Passes over the validation images.
    learning_rate
        Of Adam.
    batch
        Images a step.
    seed
        Decides the order of the images.
    progress
        Whether to show a progress bar.

    Returns
    -------
    AdaMerged
        theta_0 + sum of lambda_i * task vector i, with a lambda of 0 to 1 for each ingredient and tensor.

    Raises
    ------
    PoolError, ValueError
        As in `task_arithmetic`; also when the task is another than one label for each image.

    Warns
    -----
    SoupWarning
        When the result is worse on validation than the best ingredient alone.

    Notes
    -----
    Yang et al., arXiv 2310.02575, section 3.2 (layer-wise AdaMerging). The paper minimises on the very images that it
    is tested on, without their labels. Here test and shifts are never looked at, so the images are those of the
    validation split; what entropy under a shift would tell is lost with it. The paper begins at 0.3 for eight tasks;
    here all lambdas begin at 1 / N, the uniform soup.
    """
    names = moved_ingredients(ev.pool, ingredients)
    with tqdm(desc="adamerging", unit="step", disable=not progress) as bar:
        for done, total, made in adamerging_steps(  # noqa: B007 the last one counts
            ev, names, epochs=epochs, learning_rate=learning_rate, batch=batch, seed=seed
        ):
            bar.total = total
            bar.update(done - bar.n)
    advice = worse_than_best(ev, made.recipe, names)
    if advice:
        warn(advice)
    return made


def adamerging_steps(
    ev: Evaluator,
    ingredients: Sequence[str] | None = None,
    *,
    epochs: int = 5,
    learning_rate: float = 1e-3,
    batch: int = 64,
    seed: int = 0,
) -> Iterator[tuple[int, int, AdaMerged]]:
    """Move the coefficients step by step; stop iterating to give up.

    Parameters
    ----------
    ev, ingredients, epochs, learning_rate, batch, seed
        As in `adamerging`.

    Yields
    ------
    int, int, AdaMerged
        Steps of Adam done, of how many, and the result so far.

    Raises
    ------
    PoolError, ValueError
        As in `adamerging`.
    """
    names = moved_ingredients(ev.pool, ingredients)
    split = ev.suite.validation
    if split.scoring.task != "single-label":
        raise ValueError(
            f"AdaMerging needs one prediction among classes for each example; the suite's task is {split.scoring.task}"
        )
    if epochs < 1 or batch < 1:
        raise ValueError(f"epochs is {epochs} and batch {batch}; both must be at least 1")
    origin, tensors = ev.pool.zero_shot, list(ev.matrix.layout.places)
    shape = (len(tensors), len(names))
    lambdas = torch.full(shape, 1 / len(names), dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.Adam([lambdas], lr=learning_rate)
    rng = np.random.default_rng(seed)
    passed: list[float] = []
    done, total = 0, epochs * -(-len(split) // batch)
    recipe = _recipe(lambdas, names, origin, tensors)
    for _ in range(epochs):
        order, entropy = rng.permutation(len(split)), 0.0
        for start in range(0, len(split), batch):
            rows = order[start : start + batch]
            found = coefficient_gradient(ev, recipe, [*names, origin], split, rows, losses=_entropies)
            # A lambda moves along its task vector: the ingredient comes, and the zero-shot model goes.
            lambdas.grad = torch.from_numpy(found.by_tensor[:, :-1] - found.by_tensor[:, -1:])
            optimiser.step()
            with torch.no_grad():
                lambdas.clamp_(0, 1)
            recipe = _recipe(lambdas, names, origin, tensors)
            entropy += found.loss * len(rows)
            done += 1
            if start + batch >= len(split):
                passed.append(entropy / len(split))
            yield done, total, AdaMerged(recipe, tuple(passed))


def _entropies(logits: Tensor, _labels: Tensor, _task: Task) -> Tensor:
    """Entropy of each prediction ``[n]``, in nats."""
    log = logits.log_softmax(dim=1)
    return -(log.exp() * log).sum(dim=1)


def _recipe(lambdas: Tensor, names: Sequence[str], origin: str, tensors: Sequence[str]) -> Recipe:
    def along(row: Sequence[float]) -> dict[str, float]:
        return {origin: 1 - sum(row), **dict(zip(names, row, strict=True))}

    rows = lambdas.detach()
    own = {tensor: along(row) for tensor, row in zip(tensors, rows.tolist(), strict=True)}
    return Recipe(along(rows.mean(dim=0).tolist()), own)
