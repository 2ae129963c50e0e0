"""Error barriers: whether accuracy drops on the straight line between two models, for one pair or for all."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from tqdm.auto import tqdm

from soupwidgets.evaluation import Evaluator, SplitScore
from soupwidgets.recipe import Recipe
from soupwidgets.suites.named import split_named
from soupwidgets.topics.landscape.anytime import Scores, measure_points
from soupwidgets.topics.landscape.height import is_error
from soupwidgets.topics.landscape.line import LandscapeLine
from soupwidgets.topics.landscape.line import line as landscape_line

# Above this height (one point of accuracy) the whole line is measured, not only its middle.
_WORTH_A_LOOK = 0.01


def barrier(ev: Evaluator, first: str, second: str, *, alphas: int = 11, split: str | None = None) -> LandscapeLine:
    """Measure the error on evenly spaced points between two checkpoints.

    Its `barrier` is the maximum over the measured points.

    Parameters
    ----------
    first, second
        Names of two checkpoints.
    alphas
        Number of points, at least 2.
    split
        Where to measure; the validation split when None.

    Raises
    ------
    ValueError, PoolError, KeyError
        As in `line`.

    Notes
    -----
    Frankle et al., arXiv 1912.05671, section 2: sup over alpha of
    E(theta_alpha), minus (E(theta_0) + E(theta_1)) / 2.
    """
    return landscape_line(ev, first, second, steps=alphas, split=split, beyond=0, progress=False)


@dataclass(frozen=True)
class BarrierMatrix:
    """Barriers between all pairs of some models, as far as they have been measured.

    Parameters
    ----------
    names
        The models.
    split
        The split on which errors were measured.
    lines
        Pair of names (in the order of `names`) to its line.
    """

    names: tuple[str, ...]
    split: str
    lines: Mapping[tuple[str, str], LandscapeLine]

    @property
    def exact(self) -> bool:
        """Whether every point of every line was measured on all images."""
        return all(line.exact for line in self.lines.values())

    @property
    def heights(self) -> NDArray[np.float64]:
        """Frankle's barrier for every pair (0..1), ``[names, names]``: 0 on the diagonal, NaN where unknown."""
        return self._table(lambda line: line.barrier)

    @property
    def rises(self) -> NDArray[np.float64]:
        """The barriers above the straight line between the two errors, in the same form."""
        return self._table(lambda line: line.rise)

    def _table(self, of: Callable[[LandscapeLine], float]) -> NDArray[np.float64]:
        table = np.full((len(self.names), len(self.names)), np.nan)
        np.fill_diagonal(table, 0)
        place = {name: i for i, name in enumerate(self.names)}
        for (first, second), line in self.lines.items():
            if {0.0, 0.5, 1.0} <= line.scores.keys():
                i, j = place[first], place[second]
                table[i, j] = table[j, i] = of(line)
        return table


def barrier_matrix(
    ev: Evaluator,
    names: Sequence[str] | None = None,
    *,
    split: str | None = None,
    points: int = 9,
    progress: bool = True,
) -> BarrierMatrix:
    """Measure the barriers between all pairs.

    Parameters
    ----------
    names
        At least two checkpoints; all of the pool when None.
    split
        Where to measure; the validation split when None.
    points
        Number of points on a line whose middle has an error more than one percentage point above its ends: odd,
        at least 3. On the other lines only the middle is measured.

    Raises
    ------
    ValueError
        When there are fewer than two names, or ``points`` is even.
    PoolError, KeyError
        When the pool lacks a checkpoint, or the suite the split.
    """
    with tqdm(desc="barriers", unit="model", disable=not progress) as bar:
        for state in stream_barriers(ev, names, split=split, points=points):
            done = {r for line in state.lines.values() for t, r in line.recipes.items() if _exact(line, t)}
            bar.total = len({r for line in state.lines.values() for r in line.recipes.values()})
            bar.update(len(done) - bar.n)
    return state


def stream_barriers(
    ev: Evaluator,
    names: Sequence[str] | None = None,
    *,
    split: str | None = None,
    points: int = 9,
) -> Iterator[BarrierMatrix]:
    """`barrier_matrix` step by step: a sample for every pair, then exact middles, then whole lines where needed."""
    chosen = tuple(ev.pool.names if names is None else dict.fromkeys(names))
    if len(chosen) < 2:
        raise ValueError(f"barriers lie between models: at least two are needed, got {len(chosen)}")
    if points < 3 or points % 2 == 0:
        raise ValueError(f"points is {points}; a line with both ends and its middle needs an odd number, at least 3")
    ev.pool.require(chosen)
    where = split_named(ev.suite, split)
    note = ev.note
    pairs = list(combinations(chosen, 2))
    scores: dict[Recipe, SplitScore] = {}

    def line(pair: tuple[str, str], count: int) -> LandscapeLine:
        first, second = (Recipe({name: 1}) for name in pair)
        recipes = {i / (count - 1): (1 - i / (count - 1)) * first + i / (count - 1) * second for i in range(count)}
        known = {t: scores[r] for t, r in recipes.items() if r in scores}
        return LandscapeLine(*pair, where.name, known, recipes, note, where.scoring.task)

    def measured(recipes: list[Recipe], wanted: dict[tuple[str, str], int]) -> Iterator[BarrierMatrix]:
        order = list(range(len(recipes)))

        def highest_first(_scores: Scores) -> Iterator[int]:
            rough = {line(pair, 3).recipes[0.5]: line(pair, 3).barrier for pair in pairs}
            return iter(sorted(order, key=lambda i: -rough.get(recipes[i], np.inf)))

        for found, changed in measure_points(ev, recipes, split=where, order=order, exact_order=highest_first):
            scores.update({recipes[i]: score for i in changed if (score := found[i]) is not None})
            if changed:
                yield BarrierMatrix(chosen, where.name, {pair: line(pair, wanted[pair]) for pair in pairs})

    middles = dict.fromkeys(pairs, 3)
    yield from measured(list(dict.fromkeys(r for p in pairs for r in line(p, 3).recipes.values())), middles)
    high = {pair: points for pair in pairs if _worth_a_look(line(pair, 3))}
    whole = {**middles, **high}
    yield from measured(list(dict.fromkeys(r for p in pairs for r in line(p, whole[p]).recipes.values())), whole)


def _worth_a_look(line: LandscapeLine) -> bool:
    # A number of any size: a hundredth of what its ends have.
    scale = 1.0 if is_error(line.metric) else (abs(line.errors[0.0]) + abs(line.errors[1.0])) / 2
    return line.barrier > _WORTH_A_LOOK * scale


def _exact(line: LandscapeLine, t: float) -> bool:
    return t in line.scores and line.scores[t].exact
