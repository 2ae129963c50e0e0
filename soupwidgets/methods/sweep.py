"""A sweep: the same pair of checkpoints at many alphas."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

import numpy as np
from tqdm.auto import tqdm

from soupwidgets.evaluation import Evaluation, Evaluator, coarse_to_fine
from soupwidgets.methods.wise_ft import wise_ft
from soupwidgets.stats.figure import Figure
from soupwidgets.stats.metrics import METRIC_WORDS, metric_named
from soupwidgets.text import one_line

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Sweep:
    """Evaluations along alpha, from zero-shot to fine-tuned.

    Parameters
    ----------
    fine_tuned
        Name of the fine-tuned checkpoint.
    evaluations
        Alpha to its evaluation, alphas rising.
    validation, id_test
        Names of the splits with those roles.
    """

    fine_tuned: str
    evaluations: dict[float, Evaluation]
    validation: str
    id_test: str

    @property
    def alphas(self) -> list[float]:
        """The alphas, rising."""
        return list(self.evaluations)

    def __getitem__(self, alpha: float) -> Evaluation:
        return self.evaluations[alpha]

    def __len__(self) -> int:
        return len(self.evaluations)

    def __repr__(self) -> str:
        if not self.evaluations:
            return f"Sweep({self.fine_tuned!r}, no alpha measured yet)"
        head = f"Sweep({self.fine_tuned!r}, {len(self)} alphas from {self.alphas[0]:g} to {self.alphas[-1]:g}"
        if any(self.validation not in evaluation.scores for evaluation in self.evaluations.values()):
            return f"{head}; {self.validation!r} was left out, so none is the best)"
        return f"{head}; best alpha by validation {METRIC_WORDS[self.metric]} {self.best_alpha():g})"

    def _repr_html_(self) -> str:
        if not self.evaluations:
            return f"<p>{escape(repr(self))}</p>"
        table = self.to_frame().pivot(index="alpha", columns="split", values="accuracy")
        splits = list(next(iter(self.evaluations.values())).scores)
        return f"<p>{escape(repr(self))}</p>" + table[splits].to_html(escape=True, float_format="{:.4f}".format)

    @property
    def metric(self) -> str:
        """What alphas are compared by: the metric of the validation split.

        Raises
        ------
        KeyError
            When the sweep left the validation split out.
        """
        return next(iter(self.evaluations.values())).scores[self.validation].metric

    def best_alpha(self, scores: Mapping[float, Figure] | None = None) -> float:
        """The alpha with the best validation score (by the split's `metric`); among equals the smallest.

        Test and shifts are never looked at. The smallest of equals, because it
        keeps most of the zero-shot model, from which the robustness comes.

        Parameters
        ----------
        scores
            What to compare alphas by instead, such as `soupwidgets.alpha.worst_scores` of the worst class or slice.

        Raises
        ------
        KeyError
            When the sweep left the validation split out, or an alpha has no score.
        """
        merits = self._merits(scores)
        return max(self.alphas, key=lambda alpha: (merits[alpha], -alpha))

    def most_robust_alpha(self, scores: Mapping[float, Figure] | None = None) -> float:
        """The smallest alpha whose validation score is within one standard error of the best.

        Test and shifts are never looked at. Alphas this close to the best cannot
        be told apart on validation, and the smallest keeps most of the zero-shot model.

        Parameters
        ----------
        scores
            As in `best_alpha`.

        Raises
        ------
        KeyError
            When the sweep left the validation split out, or an alpha has no score.

        Notes
        -----
        The one-standard-error rule of Breiman et al. (1984), 'Classification and
        Regression Trees', section 3.4.3, with alpha in the place of the tree's size.
        """
        merits, at = self._merits(scores), self.best_alpha(scores)
        best = self[at].scores[self.validation]
        if scores is None and best.figure is None:
            error = math.sqrt(best.accuracy * (1 - best.accuracy) / best.seen)
        else:
            # Of another metric the interval tells: it is as wide as 2 x 1.96 standard errors.
            low, high = best.interval if scores is None else (scores[at].low, scores[at].high)
            error = (high - low) / (2 * 1.959964)
        return min(a for a in self.alphas if merits[a] >= merits[at] - error)

    def _merits(self, scores: Mapping[float, Figure] | None) -> dict[float, float]:
        if scores is None:
            return {alpha: self[alpha].scores[self.validation].merit for alpha in self.alphas}
        return {alpha: metric_named(scores[alpha].metric).merit(scores[alpha].value) for alpha in self.alphas}

    def oracle_alpha(self, shift: str | None = None) -> float:
        """The alpha with the highest accuracy under shift: an upper bound, because it looks at what it is judged by.

        Parameters
        ----------
        shift
            One shift, or None for the mean of all.

        Raises
        ------
        KeyError, ValueError
            When the sweep left the shift, or all of them, out.
        """

        def merit(alpha: float) -> float:
            scores = self[alpha].scores
            judged = [s for s in scores.values() if s.role == "shift"] if shift is None else [scores[shift]]
            if not judged:
                raise ValueError("no distribution shift was evaluated")
            return sum(score.merit for score in judged) / len(judged)

        return max(self.alphas, key=lambda alpha: (merit(alpha), -alpha))

    def to_frame(self) -> pd.DataFrame:
        """One row per alpha and split: accuracy, interval, loss, counts."""
        import pandas as pd

        rows = [
            {"alpha": alpha, **record}
            for alpha, evaluation in self.evaluations.items()
            for record in evaluation.to_records()
        ]
        return pd.DataFrame(rows)


def alpha_grid(alphas: int | Sequence[float]) -> list[float]:
    """Evenly spaced alphas from 0 to 1, or the given ones: rising, each once.

    Raises
    ------
    ValueError
        When fewer than two are asked for, or one is not finite.

    Examples
    --------
    >>> alpha_grid(5)
    [0.0, 0.25, 0.5, 0.75, 1.0]
    """
    if isinstance(alphas, int):
        if alphas < 2:
            raise ValueError(f"a sweep needs at least 2 alphas, {alphas} asked for")
        return [i / (alphas - 1) for i in range(alphas)]
    grid = sorted({float(alpha) for alpha in alphas})
    if not grid or not np.isfinite(grid).all():
        raise ValueError(f"alphas must be finite numbers, at least one; got {list(alphas)}")
    return grid


def alpha_sweep(
    ev: Evaluator,
    fine_tuned: str,
    *,
    alphas: int | Sequence[float] = 21,
    splits: Sequence[str] | None = None,
    progress: bool = True,
) -> Sweep:
    """Evaluate theta_alpha at several alphas.

    Parameters
    ----------
    ev
        The evaluator; what its store has is not computed again, so a sweep that was stopped goes on.
    fine_tuned
        Name of the fine-tuned checkpoint.
    alphas
        A number of evenly spaced alphas from 0 to 1, or the alphas themselves.
    splits
        Names of splits; all when None.
    progress
        Whether to show a progress bar.

    Returns
    -------
    Sweep
        Exact evaluations.

    Raises
    ------
    PoolError
        When the pool has no such checkpoint, or not exactly one zero-shot model.
    ValueError
        When it is the zero-shot model itself, or as in `alpha_grid`.

    Notes
    -----
    Wortsman et al., arXiv 2109.01903, section 3.
    """
    grid = alpha_grid(alphas)
    if fine_tuned == ev.pool.zero_shot:
        others = [name for name in ev.pool.names if name != fine_tuned]
        raise ValueError(
            f"{fine_tuned!r} is the zero-shot model, where the sweep begins: name a model that was fine-tuned from it, "
            f"for example {(ev.pool.fine_tuned or others or ['none is in the pool'])[0]}"
        )
    done: dict[float, Evaluation] = {}
    recipes = {grid[i]: wise_ft(ev.pool, fine_tuned, grid[i]) for i in coarse_to_fine(len(grid))}
    bar = tqdm(total=len(grid), desc=f"alpha sweep of {one_line(fine_tuned)}", unit="alpha", disable=not progress)
    with bar, ev.ahead(recipes.values(), splits):
        for alpha, recipe in recipes.items():
            done[alpha] = ev.evaluate(recipe, splits)
            bar.update()
    evaluations = {alpha: done[alpha] for alpha in grid}
    return Sweep(fine_tuned, evaluations, ev.suite.validation.name, ev.suite.id_test.name)
