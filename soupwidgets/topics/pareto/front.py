"""The measured front: recipes, what was foretold of them, and which of them to take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from soupwidgets.evaluation.evaluation import NORMAL_95
from soupwidgets.recipe import Recipe
from soupwidgets.stats.figure import Figure
from soupwidgets.topics.pareto.objective import Objective
from soupwidgets.topics.pareto.search import losses, unit_losses
from soupwidgets.topics.pareto.surrogate import Surrogate

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Candidate:
    """A recipe that was measured.

    Parameters
    ----------
    recipe
        The coefficients.
    values
        Of each objective, on the images that choose.
    round
        0 for those that were measured first; later ones were proposed by the surrogates of the round before.
    foretold
        What these said before it was measured, of each objective: the value and its standard error; empty in round 0.
    """

    recipe: Recipe
    values: tuple[float, ...]
    round: int = 0
    foretold: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True)
class Foretold:
    """A recipe that was not measured, and what the surrogates say of it: value and standard error of each objective."""

    recipe: Recipe
    values: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Check:
    """How well measurements were foretold.

    Parameters
    ----------
    objective
        Its name.
    recipes
        How many recipes were foretold, and then measured.
    error
        Root mean square of the differences, in the metric's own unit.
    largest
        The largest difference.
    within
        How many lay within the 95% interval that was foretold.
    """

    objective: str
    recipes: int
    error: float
    largest: float
    within: int


@dataclass(frozen=True, repr=False)
class ParetoFront:
    """Which recipes there are that no other one beats in every objective.

    Parameters
    ----------
    models
        What is mixed.
    objectives
        What is to be good, each by its metric's own direction.
    floors
        Name of an objective to the value that none may be worse than.
    measured
        Every recipe that was measured, in that order.
    predicted
        Where the surrogates say that the front lies; none of them was measured.
    surrogates
        The last ones, one for each objective; none before the first recipes are measured.
    judged
        The recipes of the front, and each model alone, on the images that did not choose; of each objective, with its
        95% interval.
    done, total
        How many recipes were measured, and how many will be.
    """

    models: tuple[str, ...]
    objectives: tuple[Objective, ...]
    floors: Mapping[str, float]
    measured: tuple[Candidate, ...]
    predicted: tuple[Foretold, ...] = ()
    surrogates: tuple[Surrogate, ...] = ()
    judged: Mapping[Recipe, tuple[Figure, ...]] = field(default_factory=dict)
    done: int = 0
    total: int = 0

    def __len__(self) -> int:
        return len(self.front)

    def __repr__(self) -> str:
        named = " and ".join(one.name for one in self.objectives)
        return (
            f"ParetoFront({named}; {len(self.measured)} recipes of {len(self.models)} models measured, "
            f"{len(self)} on the front)"
        )

    def _repr_html_(self) -> str:
        return f"<p>{escape(repr(self))}</p>" + self.to_frame().to_html(index=False, escape=True, na_rep="")

    @property
    def signs(self) -> NDArray[np.float64]:
        """1 for each objective of which more is better, -1 where less is."""
        return np.array([one.rule.merit(1.0) for one in self.objectives])

    @property
    def least(self) -> NDArray[np.float64]:
        """The least merit that each objective may have; minus infinity without a floor."""
        return np.array([
            one.rule.merit(self.floors[one.name]) if one.name in self.floors else -np.inf for one in self.objectives
        ])  # fmt: skip

    @cached_property
    def front(self) -> tuple[Candidate, ...]:
        """The measured recipes that keep all floors, and that no other such recipe beats; by the first objective."""
        merits = self._merits
        kept = np.flatnonzero((merits >= self.least).all(axis=1))
        best = kept[undominated(merits[kept])]
        return tuple(self.measured[i] for i in sorted(best, key=lambda i: (*merits[i], -i)))

    def knee(self) -> Candidate:
        """The recipe of the front that lies farthest before the plane through the ends.

        Raises
        ------
        ValueError
            When no measured recipe keeps all floors.

        Notes
        -----
        Das (1999), "On characterizing the 'knee' of the Pareto curve based on normal-boundary intersection",
        Structural Optimization 18, with every objective scaled to 0..1 between its best and worst on the front.
        """
        self._require()
        lost = unit_losses(self._front_merits, *self.scale).sum(axis=1)
        return self.front[int(lost.argmin())]

    def preferred(self, weights: Sequence[float]) -> Candidate:
        """The recipe of the front that a preference picks.

        Parameters
        ----------
        weights
            How much a loss in each objective counts, ``[objectives]``, not negative.

        Raises
        ------
        ValueError
            When there is not one weight for each objective, one is negative, all are zero, or no measured recipe keeps
            all floors.

        Notes
        -----
        Achievement scalarising function (Wierzbicki 1980): the smallest of the largest weighted losses, each scaled
        to 0..1 between the objective's best and worst on the front.
        """
        self._require()
        return self.front[int(losses(self._front_merits, *self.scale, self.shares(weights)).argmin())]

    def shares(self, weights: Sequence[float]) -> NDArray[np.float64]:
        """Weights that sum to 1; raises `ValueError` as `preferred` does."""
        given = np.asarray(weights, dtype=np.float64)
        fits = given.shape == (len(self.objectives),) and np.isfinite(given).all() and (given >= 0).all()
        if not fits or not given.sum():
            names = ", ".join(one.name for one in self.objectives)
            raise ValueError(f"weights are one number for each of {names}, none negative and not all 0; got {weights}")
        return np.asarray(given / given.sum())

    @property
    def scale(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The best and the worst merit of each objective on the front."""
        merits = self._front_merits
        return merits.max(axis=0), merits.min(axis=0)

    def checks(self) -> list[Check]:
        """How wrong the surrogates were of what was measured after they had foretold it; empty in the first round."""
        asked = [one for one in self.measured if one.foretold]
        if not asked:
            return []
        values = np.array([one.values for one in asked])
        foretold = np.array([one.foretold for one in asked])
        gaps = values - foretold[:, :, 0]
        within = np.abs(gaps) <= NORMAL_95 * foretold[:, :, 1]
        return [
            Check(one.name, len(asked), float(np.sqrt(np.mean(gaps[:, i] ** 2))), float(np.abs(gaps[:, i]).max()),
                  int(within[:, i].sum()))
            for i, one in enumerate(self.objectives)
        ]  # fmt: skip

    def to_frame(self) -> pd.DataFrame:
        """One row for each recipe of the front.

        Of each objective what it was chosen by, and where it was judged, the value and limits there; then the
        coefficients.
        """
        import pandas as pd

        rows = []
        for one in self.front:
            row: dict[str, Any] = {"name": self.called(one.recipe)}
            figures = self.judged.get(one.recipe, (None,) * len(self.objectives))
            for objective, value, figure in zip(self.objectives, one.values, figures, strict=True):
                row[objective.name] = value
                if figure is not None:
                    row |= {f"{objective.name} {word}": getattr(figure, at) for word, at in _JUDGED.items()}
            rows.append(row | {name: one.recipe.get(name, 0.0) for name in self.models})
        return pd.DataFrame(rows)

    def to_json(self) -> dict[str, Any]:
        """Everything as plain values; measured and predicted recipes are kept apart."""
        return {
            "models": list(self.models),
            "objectives": [vars(one) for one in self.objectives],
            "floors": dict(self.floors),
            "front": [dict(one.recipe) for one in self.front],
            "knee": dict(self.knee().recipe) if self.front else None,
            "measured": [
                {"recipe": dict(one.recipe), "values": list(one.values), "round": one.round,
                 "foretold": [{"value": value, "standard_error": error} for value, error in one.foretold]}
                for one in self.measured
            ],
            "predicted": [
                {"recipe": dict(one.recipe),
                 "values": [{"value": value, "standard_error": error} for value, error in one.values]}
                for one in self.predicted
            ],
            "judged": [
                {"recipe": dict(recipe), "values": [vars(figure) for figure in figures]}
                for recipe, figures in self.judged.items()
            ],
            "surrogate_errors": {
                objective.name: one.error for objective, one in zip(self.objectives, self.surrogates, strict=False)
            },
            "checks": [vars(one) for one in self.checks()],
        }  # fmt: skip

    def called(self, recipe: Recipe) -> str:
        """What to call a recipe: its largest parts.

        Examples
        --------
        >>> front = ParetoFront(("zero-shot", "ft-03"), (), {}, ())
        >>> front.called(Recipe({"ft-03": 0.7, "zero-shot": 0.3})), front.called(Recipe({"ft-03": 1}))
        ('0.7 ft-03 + 0.3 zero-shot', 'ft-03')
        """
        parts = sorted(recipe.items(), key=lambda part: (-part[1], part[0]))
        if len(parts) == 1:
            return parts[0][0]
        if len(parts) > 2 and len({value for _, value in parts}) == 1:
            return f"{len(parts)} in equal parts"
        shown = " + ".join(f"{round(value, 2):g} {name}" for name, value in parts[:2])
        return shown if len(parts) == 2 else f"{shown} + {len(parts) - 2} more"

    @cached_property
    def _merits(self) -> NDArray[np.float64]:
        return np.array([one.values for one in self.measured]).reshape(-1, len(self.objectives)) * self.signs

    @property
    def _front_merits(self) -> NDArray[np.float64]:
        return np.array([one.values for one in self.front]).reshape(-1, len(self.objectives)) * self.signs

    def _require(self) -> None:
        if not self.front:
            floors = ", ".join(f"{name} {value:g}" for name, value in self.floors.items())
            raise ValueError(f"none of {len(self.measured)} measured recipes keeps {floors}: ask for less")


_JUDGED = {"judged": "value", "low": "low", "high": "high"}


def undominated(merits: NDArray[np.float64]) -> NDArray[np.intp]:
    """Rows that no other row equals or beats in everything, and beats in something; of equal rows the first.

    Parameters
    ----------
    merits
        The more the better, ``[n, objectives]``.

    Examples
    --------
    >>> undominated(np.array([[1.0, 0], [0, 1], [0, 0.5], [1, 0]])).tolist()
    [0, 1]
    """
    if not len(merits):
        return np.empty(0, dtype=np.intp)
    _, first = np.unique(merits, axis=0, return_index=True)
    own = merits[np.sort(first)]
    better = np.all(own[None] >= own[:, None], axis=2) & np.any(own[None] > own[:, None], axis=2)
    beaten: NDArray[np.bool_] = np.any(better, axis=1)
    return np.asarray(np.sort(first)[~beaten])
