from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from soupwidgets.methods.greedy import greedy_soup
from soupwidgets.methods.speculation import likely_soups
from soupwidgets.methods.uniform import average
from soupwidgets.recipe import Recipe
from tests.methods.test_greedy import LogitEvaluator

NAMES = list("abcdefg")


class OnACluster(LogitEvaluator):
    """Four workers, and a record of what was under way when something was asked for."""

    abreast = 4

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments)  # type: ignore[arg-type]
        self.under_way: list[Recipe] = []
        self.surprises = 0

    @contextmanager
    def ahead(self, recipes: Iterable[Recipe], splits: str) -> Iterator[None]:
        assert splits == "val"
        new = list(recipes)
        self.under_way += new
        yield
        for recipe in new:
            self.under_way.remove(recipe)

    def evaluate(self, recipe: Recipe, splits: list[str]) -> object:
        self.surprises += recipe not in self._known and recipe not in self.under_way
        return super().evaluate(recipe, splits)


@pytest.mark.filterwarnings("ignore:nothing to soup")
@given(seed=st.integers(0, 2**32 - 1), strict=st.booleans(), shuffled=st.booleans())
def test_verdicts_are_those_of_one_after_another(seed: int, strict: bool, shuffled: bool) -> None:
    labels = np.arange(40) % 3

    def logits(recipe: Recipe) -> np.ndarray:
        # A few values, so that there are ties; the more ingredients, the better by a little.
        draw = np.random.default_rng([seed, int(recipe.hash[:12], 16)])
        right = draw.integers(20, 28) + len(recipe)
        said = labels.copy()
        said[right:] = (said[right:] + 1) % 3
        return np.eye(3, dtype=np.float32)[said]

    options = {"strict": strict, "seed": seed % 7 if shuffled else None, "progress": False}
    cluster = OnACluster(NAMES, labels, logits)
    ours = greedy_soup(cluster, NAMES, **options)  # type: ignore[arg-type]
    theirs = greedy_soup(LogitEvaluator(NAMES, labels, logits), NAMES, full=True, **options)  # type: ignore[arg-type]
    early = greedy_soup(LogitEvaluator(NAMES, labels, logits), NAMES, **options)  # type: ignore[arg-type]
    assert ours.recipe == theirs.recipe == early.recipe
    assert [vars(step) for step in ours.steps] == [vars(step) for step in theirs.steps]
    assert [step.accepted for step in ours.steps] == [step.accepted for step in early.steps]
    # The first one, where it is drawn, nobody could expect. All else was under way before it was asked for.
    assert cluster.surprises <= shuffled
    assert cluster.under_way == []


def test_the_tree_of_verdicts_is_explored_by_probability() -> None:
    # By hand: with 0.4, after 'ab' (1.0) come 'ac' (0.6), 'abc' (0.4), 'ad' (0.36), then 'acd' and 'abd' (0.24 each).
    found = likely_soups(["a"], ["b", "c", "d"], accepted=0.4, width=10)
    assert ["".join(soup) for soup in found] == ["ab", "ac", "abc", "ad", "abd", "acd", "abcd"]
    assert len({average(soup) for soup in found}) == 7
    assert likely_soups(["a"], [], accepted=0.5, width=3) == []
