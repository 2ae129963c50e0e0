"""What each model alone adds to a strong one: whether a weak model that was trained differently is worth more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from soupwidgets.evaluation.answers import right_of
from soupwidgets.stats.multiple import adjusted_p_values
from soupwidgets.stats.paired import PairedTest, mcnemar
from soupwidgets.suites import Suite
from soupwidgets.topics.diversity.combining import Combination, combined
from soupwidgets.topics.diversity.members import Member
from soupwidgets.topics.diversity.trainings import divergence


@dataclass(frozen=True)
class HelperGain:
    """One helper beside a strong model.

    Parameters
    ----------
    name
        Name of the helper.
    divergence
        How differently the two were trained: one of `LEVELS`.
    alone
        Accuracy of the helper alone (0..1).
    ensemble
        Accuracy of the two together (0..1).
    test
        McNemar's test of the two together against the strong model alone.
    q_value
        Its p-value adjusted for testing all helpers (Benjamini and Hochberg).
    right
        Whether the two together classify each image correctly, ``[images]``: for the test of one helper against
        another.
    """

    name: str
    divergence: str
    alone: float
    ensemble: float
    test: PairedTest
    q_value: float
    right: NDArray[np.bool_] = field(repr=False, compare=False)


def helper_gains(
    base: Member, helpers: Sequence[Member], suite: Suite, split: str, *, combine: Combination = "calibrated logits"
) -> list[HelperGain]:
    """Pair a strong model with one helper at a time, the best pair first.

    Parameters
    ----------
    base
        The strong model.
    helpers
        Any models with logits on the split and on validation.
    combine
        How two models are averaged, as in `combined`.

    Raises
    ------
    KeyError
        When the suite has no such split.
    ValueError
        When a model has no logits there.

    Notes
    -----
    arXiv 2110.12899, section 4.5 and figure 5: of models that are weaker than the base, the best to add is said to be
    one that was trained with another objective or on other data.
    """
    where = suite.splits[split]
    right = base.right(where)
    together = [right_of(combined([base, one], suite, split, combine), where) for one in helpers]
    tests = [mcnemar(right, one) for one in together]
    found = [
        HelperGain(
            one.name, divergence(base.training, one.training), float(one.right(where).mean()), float(both.mean()), test,
            float(q), both,
        )
        for one, both, test, q in zip(
            helpers, together, tests, adjusted_p_values([test.p_value for test in tests]), strict=True
        )
    ]  # fmt: skip
    return sorted(found, key=lambda one: -one.test.difference)
