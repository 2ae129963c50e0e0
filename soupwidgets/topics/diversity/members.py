"""Models as logits on some splits, wherever they come from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm.auto import tqdm

from soupwidgets.evaluation import Evaluation, Evaluator, Logits
from soupwidgets.evaluation.answers import right_of
from soupwidgets.evaluation.tasks import KEEPS_OUTPUTS
from soupwidgets.recipe import Recipe, RecipeLike
from soupwidgets.stats.calibration import best_temperature
from soupwidgets.suites import Split, Suite
from soupwidgets.topics.diversity.features import Features, features_of
from soupwidgets.topics.diversity.trainings import training_of


@dataclass(frozen=True, eq=False)
class Member:
    """One of several models that were shown the same images.

    Parameters
    ----------
    name
        Name of the model.
    splits
        Names of the splits for which its logits are known.
    load
        Function from split name to logits ``[images, classes]``, in the split's own order.
    training
        How it was trained, as strings keyed by the names in `LEVELS` (and ``ancestor``); see `divergence`.
    recipe
        The recipe, if it is a mixture from a pool.
    run
        Function from split to features ``[images, features]``, as in `features_of`; None for a model that is known
        only by its logits.
    """

    name: str
    splits: tuple[str, ...]
    load: Callable[[str], Logits] = field(repr=False)
    training: Mapping[str, str] = field(default_factory=dict)
    recipe: Recipe | None = None
    run: Callable[[Split], Features] | None = field(default=None, repr=False)

    @cached_property
    def _features(self) -> dict[Split, Features]:
        return {}

    @cached_property
    def _known(self) -> dict[str, NDArray[np.int64]]:
        return {}

    @cached_property
    def _temperatures(self) -> dict[Suite, float]:
        return {}

    def predictions(self, split: str) -> NDArray[np.int64]:
        """Predicted classes ``[images]``; -1, which is no class, where a logit is not finite."""
        if split not in self._known:
            logits = self.load(split)
            finite = np.isfinite(logits).all(axis=1)
            self._known[split] = np.where(finite, logits.argmax(axis=1), -1)
        return self._known[split]

    def right(self, split: Split) -> NDArray[np.bool_]:
        """Whether each example was answered correctly, ``[images]``; of several labels all must be right."""
        if split.scoring.task != "single-label":
            return right_of(self.load(split.name), split)
        found: NDArray[np.bool_] = self.predictions(split.name) == split.labels
        return found

    def scaled(self, split: str, suite: Suite) -> NDArray[np.float64]:
        """Logits ``[images, classes]`` at the temperature fitted on validation images."""
        return np.asarray(self.load(split), dtype=np.float64) / self.temperature(suite)

    def features(self, split: Split) -> Features:
        """What its last layer takes, ``[images, features]`` in the split's own order; computed once.

        Raises
        ------
        ValueError
            When the model is known only by its logits, and as `features_of`.
        """
        if self.run is None:
            raise ValueError(f"{self.name!r} is known only by its logits: its features cannot be computed")
        if split not in self._features:
            self._features[split] = self.run(split)
        return self._features[split]

    def temperature(self, suite: Suite) -> float:
        """The temperature that minimises the loss on validation images.

        It is 1 if some logits are not finite, where an example may have several labels, and in a suite without a
        validation split.
        """
        if suite.task != "single-label" or suite.reference.role != "validation":
            return 1.0
        if suite not in self._temperatures:
            held_out = suite.validation
            logits = self.load(held_out.name)
            finite = bool(np.isfinite(logits).all())
            self._temperatures[suite] = best_temperature(logits, held_out.labels) if finite else 1.0
        return self._temperatures[suite]


def said_by(models: Sequence[Member], split: Split) -> list[NDArray[np.int64]]:
    """A number for what each model says of each example, ``[images]`` each; equal numbers are equal answers."""
    if split.scoring.task == "single-label":
        return [one.predictions(split.name) for one in models]
    labels = [one.load(split.name) > 0 for one in models]
    _, places = np.unique(np.concatenate(labels), axis=0, return_inverse=True)
    return np.split(places.reshape(-1), len(models))


def member(evaluation: Evaluation, name: str, *, training: Mapping[str, str] | None = None) -> Member:
    """Make a member from an evaluation of a recipe, an ensemble, or a soup.

    Parameters
    ----------
    evaluation
        Exact, with its logits.

    Raises
    ------
    ValueError
        When no split was measured completely.
    """
    splits = tuple(split for split, score in evaluation.scores.items() if score.load_logits)
    if not splits:
        raise ValueError(f"the evaluation of {name!r} has no logits")
    return Member(name, splits, evaluation.split_logits, training or {}, evaluation.recipe)


def members(
    ev: Evaluator, names: Sequence[str] | None = None, *, splits: Sequence[str] | None = None, progress: bool = True
) -> list[Member]:
    """The checkpoints of one pool as members; what is not in the store is measured.

    Parameters
    ----------
    names
        Which checkpoints; all but landmarks when None.
    splits
        Which splits; validation is always included. All of the suite when None.

    Raises
    ------
    PoolError, KeyError
        When the pool lacks a checkpoint, or the suite a split.
    ValueError
        When the task is one whose logits are not kept.
    """
    if ev.suite.task not in KEEPS_OUTPUTS:
        raise ValueError(
            f"models are compared by their logits, and of a {ev.suite.task} task, such as the suite "
            f"{ev.suite.name!r}, none are kept"
        )
    chosen = [n for n in ev.pool.names if ev.pool.checkpoints[n].card.role != "landmark"] if names is None else names
    ev.pool.require(chosen)
    held_out = [split.name for split in ev.suite.splits.values() if split.role == "validation"]
    where = None if splits is None else list(dict.fromkeys([*held_out, *splits]))
    return [
        mixture(ev, Recipe({name: 1}), name, splits=where, training=training_of(ev.pool.checkpoints[name]))
        for name in tqdm(chosen, desc="models", unit="model", disable=not progress)
    ]


def mixture(
    ev: Evaluator,
    recipe: RecipeLike,
    name: str,
    *,
    splits: Sequence[str] | None = None,
    training: Mapping[str, str] | None = None,
) -> Member:
    """A soup, or any other mixture of a pool, as a member that has features; what is not in the store is measured.

    Parameters
    ----------
    splits
        Which splits; all of the suite when None.
    training
        How it was trained, for `divergence`.

    Raises
    ------
    PoolError, KeyError
        When the pool lacks a checkpoint, or the suite a split.
    """
    made = member(ev.evaluate(recipe, splits), name, training=training)
    return replace(made, run=lambda split: features_of(ev, recipe, split))


def checked_suite(explorer: str, models: Any, suite: Any) -> Suite:
    """Check that the models are members with logits, and return their suite.

    Raises
    ------
    TypeError
        When they are something else; the message says what to write.
    """
    listed = isinstance(models, Sequence) and all(isinstance(one, Member) for one in models)
    if listed and isinstance(suite, Suite):
        return suite
    it = "these" if listed else "a " + type(models).__name__
    other = "" if isinstance(suite, Suite) else " and no suite"
    other += "" if suite is None or not other else f" but a {type(suite).__name__}"
    raise TypeError(
        f"{explorer} compares models that have logits, but was given {it}{other}: write "
        f"{explorer}(diversity.members(ev), suite), with ev = Evaluator(pool, suite)"
    )
