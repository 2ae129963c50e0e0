"""The learned soup: coefficients by gradient descent on held-out data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal

import torch
from tqdm.auto import tqdm

from soupwidgets.evaluation import Evaluator
from soupwidgets.methods.advice import warn
from soupwidgets.methods.descent import Descent
from soupwidgets.methods.learned_trace import LearnedSoup
from soupwidgets.methods.method import soup_method
from soupwidgets.methods.selection import best_alone, clearly_worse, selection_metric, selection_score
from soupwidgets.methods.unfinished import Unfinished
from soupwidgets.methods.uniform import average, chosen_ingredients


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
    held_out: float = 0.0,
    patience: int = 3,
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
        Passes over the validation images, with held_out at most.
    learning_rate
        Of AdamW, without weight decay.
    batch
        Images a step.
    seed
        Decides the order of the images, and which of them are held out.
    held_out
        Share of the validation images that moves no coefficient but judges every epoch: the one with the lowest loss
        on these images is taken. With 0, as in the paper, all images move coefficients, and the last epoch is taken.
    patience
        After how many epochs without a lower loss on the held-out images the descent ends.
    progress
        Whether to show a progress bar.

    Returns
    -------
    LearnedSoup
        beta does not change which class is the largest; it calibrates. The soup of an interrupted run is the same, bit
        for bit, as if nothing had been: call again with the same arguments and the same store, and it goes on.

    Raises
    ------
    PoolError, ValueError
        As in `uniform_soup`; also when ``by`` is something else, ``epochs``, ``batch`` or ``patience`` is below 1, or
        ``held_out`` leaves no images on one side.

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
            ev, names, by=by, epochs=epochs, learning_rate=learning_rate, batch=batch, seed=seed,
            held_out=held_out, patience=patience,
        ):  # fmt: skip
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
    held_out: float = 0.0,
    patience: int = 3,
) -> Iterator[tuple[int, int, LearnedSoup]]:
    """Learn a soup step by step; stop iterating to pause: who asks for the same soup again goes on from there.

    Parameters
    ----------
    ev, ingredients, by, epochs, learning_rate, batch, seed, held_out, patience
        As in `learned_soup`.

    Yields
    ------
    int, int, LearnedSoup
        Steps of AdamW done, of at most how many, and the soup so far. A run that was interrupted begins with what it
        had come to.

    Raises
    ------
    PoolError, ValueError
        As in `learned_soup`.
    """
    if by not in ("model", "layer"):
        raise ValueError(f"by is {by!r}; a soup is learned by 'model' or by 'layer'")
    if min(epochs, batch, patience) < 1:
        raise ValueError(f"epochs is {epochs}, batch {batch} and patience {patience}; each must be at least 1")
    names = chosen_ingredients(ev.pool, ingredients)
    options: dict[str, Any] = {
        "by": by, "learning_rate": learning_rate, "batch": batch, "seed": seed, "held_out": held_out,
        "patience": patience,
    }  # fmt: skip
    unfinished = Unfinished(ev.store.folder, _key(ev, names, {**options, "epochs": epochs}))
    descent = unfinished.resume(lambda state: Descent(ev, names, **options).restored(state))
    if descent is None:
        descent = Descent(ev, names, **options)
    total = epochs * descent.steps_per_epoch
    if descent.done:
        yield descent.done, total, descent.soup
    while descent.done < total and not descent.is_over:
        descent.step()
        unfinished.keep(descent.state())
        yield descent.done, total, descent.soup
    unfinished.forget()


def _key(ev: Evaluator, names: Sequence[str], options: dict[str, Any]) -> str:
    """What names a descent: all that decides its result to the last bit."""
    split = ev.suite.validation
    contents = [ev.pool.checkpoints[name].content_hash for name in names]
    decides = {**options, "of": contents, "task": split.scoring.task, "device": ev.device.type,
               "torch": torch.__version__}  # fmt: skip
    return ev.key(average(names), split, {"learned soup": decides})
