"""Affinity: how close augmented images stay to what a model was trained on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from tqdm.auto import tqdm

from soupwidgets.evaluation import Evaluator, probe
from soupwidgets.recipe import Recipe
from soupwidgets.stats.bootstrap import estimate, resampled
from soupwidgets.stats.estimate import Estimate
from soupwidgets.suites import Augmentation, BlendSplit, Split
from soupwidgets.text import one_line


@dataclass(frozen=True)
class Affinity:
    """One model's accuracy on augmented images, compared with its accuracy on the unchanged images.

    Parameters
    ----------
    augmentation
        Name of the augmentation.
    split
        Name of the split.
    clean, augmented
        Accuracies (0..1); that on augmented images is the mean over the repeats.
    ratio
        Affinity as the paper defines it: augmented over clean. 1 for an augmentation that the model does not notice.
    difference
        Affinity in an earlier version of the paper: augmented minus clean. 0 for an augmentation without effect.
    repeats
        How often the images were augmented, with different random numbers each time.
    """

    augmentation: str
    split: str
    clean: float
    augmented: float
    ratio: Estimate
    difference: Estimate
    repeats: int


def augmented(split: Split, augmentation: Augmentation, *, seed: int = 0) -> BlendSplit:
    """A split whose images are augmented once each.

    Parameters
    ----------
    augmentation
        What is done to them. Mixup blends each image with another, with a weight from its Beta distribution; the label
        is then that of the image with the larger weight.
    seed
        Seed of all random numbers.

    Raises
    ------
    ValueError
        When the augmentation changes an image's shape or type.
    """
    images = augmentation.once(split.images, seed)
    n = len(images)
    first, second = np.arange(n), np.arange(n)
    share, labels = np.ones(n), split.labels
    if augmentation.mixup:
        rng = np.random.default_rng([seed, 6])
        share, second = rng.beta(augmentation.mixup, augmentation.mixup, n), rng.permutation(n)
        labels = np.where(share >= 0.5, labels, labels[second])
    weights = np.stack([share, 1 - share], axis=1)
    return BlendSplit(f"{augmentation.name}, {split.name}", images, first, second, weights, labels)


def affinity(
    ev: Evaluator,
    recipe: Recipe,
    augmentation: Augmentation,
    *,
    split: Split | None = None,
    repeats: int = 1,
    seed: int = 0,
) -> Affinity:
    """Measure how little an augmentation disturbs a model that was trained without it.

    Intervals are 95% bootstrap limits over the images, which both accuracies share.

    Parameters
    ----------
    split
        The split to measure on; the validation split when None.
    repeats
        How often to augment, with different random numbers each time.
    seed
        Seed of the first repeat; each further one adds 1.

    Raises
    ------
    ValueError
        When there is no repeat, the model has no image right, the classes of split and model differ, or an
        augmentation changes an image's shape.

    Notes
    -----
    arXiv 2002.08973, section 3: the ratio; its first version: the difference.
    """
    chosen = ev.suite.validation if split is None else split
    if repeats < 1:
        raise ValueError(f"affinity needs at least one repeat, not {repeats}")
    if chosen.scoring.class_map is not None:
        raise ValueError(f"{chosen.name!r} is scored on other classes than the model has: use another split")
    plain = augmented(chosen, Augmentation("as they are"))
    clean = _right(ev, recipe, plain)
    shown = [_right(ev, recipe, augmented(chosen, augmentation, seed=seed + i)) for i in range(repeats)]
    changed = np.mean(shown, axis=0)
    if not clean.any():
        raise ValueError(
            f"the model classifies no image of {chosen.name!r} correctly: there is nothing to compare with"
        )
    n = len(clean)
    counts = resampled(n)
    before, after = counts @ clean / n, counts @ changed / n
    return Affinity(
        augmentation.name,
        chosen.name,
        float(clean.mean()),
        float(changed.mean()),
        estimate(changed.mean() / clean.mean(), after / np.maximum(before, 1 / n)),
        estimate(changed.mean() - clean.mean(), after - before),
        repeats,
    )


def affinity_along_alpha(
    ev: Evaluator,
    recipes: Mapping[float, Recipe],
    augmentation: Augmentation,
    *,
    split: Split | None = None,
    progress: bool = True,
) -> dict[float, Affinity]:
    """Affinity of one augmentation for the models along a line: zero-shot, fine-tuned, and in between.

    Parameters
    ----------
    recipes
        Alpha to the model there.
    """
    states = stream_affinity_along_alpha(ev, recipes, augmentation, split=split)
    return dict(tqdm(states, total=len(recipes), desc=one_line(augmentation.name), unit="alpha", disable=not progress))


def stream_affinity_along_alpha(
    ev: Evaluator, recipes: Mapping[float, Recipe], augmentation: Augmentation, *, split: Split | None = None
) -> Iterator[tuple[float, Affinity]]:
    """Yield the results of `affinity_along_alpha`, one alpha at a time."""
    for alpha, recipe in recipes.items():
        yield alpha, affinity(ev, recipe, augmentation, split=split)


def _right(ev: Evaluator, recipe: Recipe, split: BlendSplit) -> NDArray[np.float64]:
    logits = probe(ev, recipe, split)
    right: NDArray[np.bool_] = (logits.argmax(axis=1) == split.labels) & np.isfinite(logits).all(axis=1)
    return right.astype(np.float64)
