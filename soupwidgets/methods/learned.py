"""The learned soup: coefficients by gradient descent on held-out data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
from torch import Tensor
from tqdm.auto import tqdm

from soupwidgets.evaluation import Evaluator
from soupwidgets.evaluation.gradients import coefficient_gradient
from soupwidgets.methods.advice import warn
from soupwidgets.methods.method import soup_method
from soupwidgets.methods.selection import best_alone, clearly_worse, selection_metric, selection_score
from soupwidgets.methods.uniform import chosen_ingredients
from soupwidgets.recipe import Recipe

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class LearnedEpoch:
    """One pass over the validation images.

    Parameters
    ----------
    loss
        Mean loss of the outputs times the temperature (cross-entropy in nats, or that of the task), while the
        coefficients moved.
    accuracy
        Share of images that were right meanwhile; None where no answer is right or wrong (numbers, pixels).
    beta
        The logit scale afterwards.
    coefficients
        Name to coefficient afterwards; by layer the mean over the tensors.
    """

    loss: float
    accuracy: float | None
    beta: float
    coefficients: Mapping[str, float]


@dataclass(frozen=True)
class LearnedSoup:
    """The recipe of a learned soup, the logit scale that goes with it, and how they came about."""

    recipe: Recipe
    beta: float
    epochs: tuple[LearnedEpoch, ...]

    def __repr__(self) -> str:
        loss = f", validation loss {self.epochs[-1].loss:.4f}" if self.epochs else ""
        what = f"{len(self.recipe)} ingredients by {'layer' if self.recipe.by_tensor else 'model'}"
        return f"LearnedSoup({what}, beta {self.beta:.4g}, {len(self.epochs)} epochs{loss})"

    def _repr_html_(self) -> str:
        return self.to_frame().to_html(index=False, escape=True, float_format=lambda value: f"{value:.4f}")

    def to_frame(self) -> pd.DataFrame:
        """One row per ingredient: its coefficient after every epoch (by layer the mean over the tensors)."""
        import pandas as pd

        rows = [
            {"ingredient": name, **{f"epoch {i}": e.coefficients.get(name, 0.0) for i, e in enumerate(self.epochs, 1)}}
            for name in self.recipe
        ]
        return pd.DataFrame(rows)

    def to_json(self) -> dict[str, Any]:
        """The trace as plain values. ``metric`` is what the coefficients are chosen by."""
        epochs = [{**vars(epoch), "coefficients": dict(epoch.coefficients)} for epoch in self.epochs]
        return {"metric": "cross_entropy", "beta": self.beta, "epochs": epochs}


def _steps(
    ev: Evaluator, ingredients: Sequence[str] | None = None, **options: Any
) -> Iterator[tuple[int, int, LearnedSoup]]:
    # `learned_steps` stands below what it is the steps of.
    return learned_steps(ev, ingredients, **options)


@soup_method("learned", "Learned", paper="Wortsman et al., arXiv 2203.05482", steps=_steps, by="model")
@soup_method(
    "learned-by-layer", "Learned by layer", paper="Wortsman et al., arXiv 2203.05482", steps=_steps, by="layer"
)
def learned_soup(
    ev: Evaluator,
    ingredients: Sequence[str] | None = None,
    *,
    by: Literal["model", "layer"] = "model",
    epochs: int = 5,
    learning_rate: float = 0.05,
    batch: int = 256,
    seed: int = 0,
    progress: bool = True,
) -> LearnedSoup:
    """Minimise the validation loss over coefficients that are positive and sum to 1, and over a logit scale beta.

    Only the validation split is looked at; its accuracy is then an optimistic
    estimate, as with every method that chooses by it. Coefficients follow the loss whatever the split's metric is;
    whether the result is worth having is told by that metric.

    Parameters
    ----------
    ev
        Evaluator of the pool.
    ingredients
        Names; the pool's fine-tuned models when None.
    by
        ``"model"``: one coefficient per ingredient. ``"layer"``: one per ingredient and tensor.
    epochs
        Passes over the validation images.
    learning_rate
        Of AdamW, without weight decay.
    batch
        Images a step.
    seed
        Decides the order of the images.
    progress
        Whether to show a progress bar.

    Returns
    -------
    LearnedSoup
        beta does not change which class is the largest; it calibrates.

    Raises
    ------
    PoolError, ValueError
        As in `uniform_soup`; also when ``by`` is something else.

    Warns
    -----
    SoupWarning
        When the best ingredient alone is better by more than two points (two percent, where that is no share).

    Notes
    -----
    Wortsman et al., arXiv 2203.05482, section 2 and appendix on learned soups:
    softmax coefficients, AdamW, gradients through the mixed weights. The descent
    begins at the uniform soup; when that lies behind a barrier, as with one good
    and one bad ingredient, it may stay there.
    """
    names = chosen_ingredients(ev.pool, ingredients)
    with tqdm(desc=f"learned soup by {by}", unit="step", disable=not progress) as bar:
        for done, total, made in learned_steps(  # noqa: B007 the last one counts
            ev, names, by=by, epochs=epochs, learning_rate=learning_rate, batch=batch, seed=seed
        ):
            bar.total = total
            bar.update(done - bar.n)

    score = selection_score(ev, made.recipe)
    best, alone = best_alone(ev, names)
    metric = selection_metric(ev)
    if clearly_worse(metric, score, alone):
        warn(
            f"the learned soup has worse validation {metric.words} ({metric.show(score, 1)}) than {best!r} "
            f"alone ({metric.show(alone, 1)}): the descent begins at the uniform soup and did not get out of a "
            "valley beside it. Leave out ingredients that spoil the uniform soup, or use greedy_soup."
        )
    return made


def learned_steps(
    ev: Evaluator,
    ingredients: Sequence[str] | None = None,
    *,
    by: Literal["model", "layer"] = "model",
    epochs: int = 5,
    learning_rate: float = 0.05,
    batch: int = 256,
    seed: int = 0,
) -> Iterator[tuple[int, int, LearnedSoup]]:
    """Learn a soup step by step; stop iterating to give up.

    Parameters
    ----------
    ev, ingredients, by, epochs, learning_rate, batch, seed
        As in `learned_soup`.

    Yields
    ------
    int, int, LearnedSoup
        Steps of AdamW done, of how many, and the soup so far.

    Raises
    ------
    PoolError, ValueError
        As in `learned_soup`.
    """
    if by not in ("model", "layer"):
        raise ValueError(f"by is {by!r}; a soup is learned by 'model' or by 'layer'")
    names = chosen_ingredients(ev.pool, ingredients)
    split = ev.suite.validation
    tensors = list(ev.matrix.layout.places)
    free = torch.zeros(len(tensors) if by == "layer" else 1, len(names), dtype=torch.float64, requires_grad=True)
    beta = torch.ones((), dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.AdamW([free, beta], lr=learning_rate, weight_decay=0.0)
    rng = np.random.default_rng(seed)
    trace: list[LearnedEpoch] = []
    done, total = 0, epochs * -(-len(split) // batch)
    recipe = _recipe(free.softmax(dim=1), names, tensors)
    for _ in range(epochs):
        order = rng.permutation(len(split))
        loss = correct = 0.0
        for start in range(0, len(split), batch):
            rows = order[start : start + batch]
            coefficients = free.softmax(dim=1)
            found = coefficient_gradient(ev, recipe, names, split, rows, beta.item())
            by_tensor = torch.from_numpy(found.by_tensor)
            optimiser.zero_grad()
            outer = by_tensor if by == "layer" else by_tensor.sum(dim=0, keepdim=True)
            torch.autograd.backward(coefficients, outer)
            beta.grad = torch.tensor(found.beta, dtype=torch.float64)
            optimiser.step()
            recipe = _recipe(free.softmax(dim=1), names, tensors)
            loss += found.loss * len(rows)
            correct += found.correct
            done += 1
            if start + batch >= len(split):
                share = correct / len(split) if split.scoring.task in ("single-label", "multi-label") else None
                trace.append(LearnedEpoch(loss / len(split), share, beta.item(), dict(recipe)))
            yield done, total, LearnedSoup(recipe, beta.item(), tuple(trace))


def _recipe(coefficients: Tensor, names: Sequence[str], tensors: Sequence[str]) -> Recipe:
    rows = coefficients.detach().tolist()
    mean = dict(zip(names, coefficients.detach().mean(dim=0).tolist(), strict=True))
    if len(rows) == 1:
        return Recipe(mean)
    return Recipe(mean, {t: dict(zip(names, row, strict=True)) for t, row in zip(tensors, rows, strict=True)})
