"""The greedy soup, exactly, with a part of the work."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray
from tqdm.auto import tqdm

from soupwidgets.evaluation import Evaluator, Logits, screen
from soupwidgets.methods.advice import warn
from soupwidgets.methods.method import soup_method
from soupwidgets.methods.selection import selection_metric, selection_score
from soupwidgets.methods.speculation import Ahead, likely_soups
from soupwidgets.methods.uniform import average, chosen_ingredients
from soupwidgets.recipe import Recipe
from soupwidgets.stats.metrics import METRIC_WORDS, shown

if TYPE_CHECKING:
    import pandas as pd

TieOrder = Literal["name", "released"]


@dataclass(frozen=True)
class GreedyStep:
    """One candidate of a greedy soup, and the verdict.

    Parameters
    ----------
    candidate
        The ingredient that was tried.
    accuracy
        Held-out score of the soup with it, by the validation split's metric; where not every image was looked
        at, the highest that was still possible.
    best
        Held-out score of the soup before; 0 for the first.
    accepted
        Whether it stayed in.
    looked_at, total
        How many images the verdict took, of how many.
    """

    candidate: str
    accuracy: float
    best: float
    accepted: bool
    looked_at: int
    total: int

    @property
    def exact(self) -> bool:
        """Whether `accuracy` is the accuracy, and not a bound."""
        return self.looked_at == self.total


@dataclass(frozen=True)
class GreedySoup:
    """The recipe of a greedy soup, and how it came about.

    Parameters
    ----------
    recipe
        Equal coefficients of what stayed in.
    steps
        Every candidate and its verdict.
    metric
        What the scores of the steps are: that of the validation split.
    tie_order
        In which order candidates of one score were tried: ``"name"`` or ``"released"``, as `greedy_soup` says.
    """

    recipe: Recipe
    steps: tuple[GreedyStep, ...]
    metric: str = "accuracy"
    tie_order: TieOrder = "name"

    def __repr__(self) -> str:
        kept, last = self.ingredients, [step for step in self.steps if step.accepted][-1]
        return (
            f"GreedySoup({len(kept)} of {len(self.steps)} candidates kept: {', '.join(kept)}; "
            f"validation {METRIC_WORDS[self.metric]} {shown(self.metric, last.accuracy)})"
        )

    def _repr_html_(self) -> str:
        return self.to_frame().to_html(index=False, escape=True, float_format=lambda value: f"{value:.4f}")

    def to_frame(self) -> pd.DataFrame:
        """One row per candidate: its score, whether that is exact or a bound, the verdict."""
        import pandas as pd

        rows = [
            {
                "candidate": step.candidate,
                f"validation {METRIC_WORDS[self.metric]}": step.accuracy,
                "exact": step.exact,
                "verdict": "taken" if step.accepted else "left out",
            }
            for step in self.steps
        ]
        return pd.DataFrame(rows)

    @property
    def ingredients(self) -> list[str]:
        """The names that stayed in, in the order in which they were taken."""
        return [step.candidate for step in self.steps if step.accepted]

    def after(self, step: int) -> Recipe:
        """The soup after the first ``step`` candidates (at least 1)."""
        return average([s.candidate for s in self.steps[:step] if s.accepted])

    @property
    def share_of_passes(self) -> float:
        """Images that the verdicts took, as a share of those that the plain algorithm takes for the same soups.

        The first model is no soup, and counts on neither side.
        """
        later = self.steps[1:]
        return sum(step.looked_at for step in later) / max(1, sum(step.total for step in later))

    def to_json(self) -> dict[str, Any]:
        """The trace as plain values."""
        steps = [{**vars(step), "exact": step.exact} for step in self.steps]
        return {
            "metric": self.metric,
            "tie_order": self.tie_order,
            "steps": steps,
            "share_of_passes": self.share_of_passes,
        }


def _counted(
    ev: Evaluator, ingredients: Sequence[str] | None = None, **options: Any
) -> Iterator[tuple[int, int, GreedySoup]]:
    names = chosen_ingredients(ev.pool, ingredients)
    for made in greedy_steps(ev, names, **options):
        yield len(made.steps), len(names), made


@soup_method("greedy", "Greedy", paper="Wortsman et al., arXiv 2203.05482", steps=_counted)
def greedy_soup(
    ev: Evaluator,
    ingredients: Sequence[str] | None = None,
    *,
    strict: bool = False,
    seed: int | None = None,
    full: bool = False,
    tie_order: TieOrder = "name",
    progress: bool = True,
) -> GreedySoup:
    """Add ingredients from the best to the worst, keeping those that do not lower held-out accuracy.

    Only the validation split is looked at. Where its score is the share of right images, the hardest
    come first, and a candidate is dropped as soon as the other images cannot change the verdict. For another
    metric (macro-F1, worst group) one image can change any verdict: every candidate is then measured in full. So it is
    on a cluster, where the soups that the next verdicts will most likely ask for are measured together.

    Parameters
    ----------
    ev
        Evaluator of the pool.
    ingredients
        Names to choose from; the pool's fine-tuned models when None.
    strict
        The paper keeps an ingredient when accuracy does not fall (>=); the
        released script when it rises (>). True does as the script.
    seed
        A number tries the ingredients in a random order drawn with it, instead
        of from the best to the worst (the paper's appendix compares the two).
    full
        True looks at every image for every candidate: the plain algorithm. The
        verdicts are the same, and the trace has the accuracy of those left out.
    tie_order
        Which of several ingredients with one score is tried first. ``"name"``: the first in alphabetical order,
        whatever the order of the files. ``"released"``: the last that is listed, as in the released script, which
        sorts by rising accuracy, keeping the order of equals, and turns the list around.
    progress
        Whether to show a progress bar.

    Returns
    -------
    GreedySoup
        The recipe with a trace of every decision.

    Raises
    ------
    PoolError, ValueError
        As in `uniform_soup`.

    Warns
    -----
    SoupWarning
        When one model of several is all that is kept.

    Notes
    -----
    Wortsman et al., arXiv 2203.05482, section 2, recipe 1 'GreedySoup'. Which
    images are hard is told by the margins of (k f_soup + f_candidate) / (k + 1):
    the logits of a soup are near to those of the ensemble of what goes into it
    (section 4 there). Any order gives the same verdicts.
    """
    names = chosen_ingredients(ev.pool, ingredients)
    first = names if seed is None else []
    with tqdm(total=len(first) + len(names), desc="greedy soup", unit="model", disable=not progress) as bar:
        with ev.ahead([Recipe({name: 1}) for name in first], ev.suite.validation.name):
            for name in first:
                ev.evaluate(Recipe({name: 1}), [ev.suite.validation.name])
                bar.update()
        for made in greedy_steps(ev, names, strict=strict, seed=seed, full=full, tie_order=tie_order):  # noqa: B007 the last one counts
            bar.update()
    if len(made.ingredients) == 1 and len(names) > 1:
        warn(
            f"nothing to soup: of {len(names)} ingredients greedy kept {made.ingredients[0]!r} alone, because every "
            f"average with it has worse validation {METRIC_WORDS[made.metric]}. Were all of them fine-tuned from one "
            "model, to their plateau, with learning rates near each other? `soupwidgets inspect` tells whether they "
            "share an ancestor."
        )
    return made


def greedy_steps(
    ev: Evaluator,
    ingredients: Sequence[str] | None = None,
    *,
    strict: bool = False,
    seed: int | None = None,
    full: bool = False,
    tie_order: TieOrder = "name",
) -> Iterator[GreedySoup]:
    """Make a greedy soup step by step; stop iterating to give up.

    Parameters
    ----------
    ev, ingredients, strict, seed, full, tie_order
        As in `greedy_soup`.

    Yields
    ------
    GreedySoup
        The soup and its trace so far, after every decision.

    Raises
    ------
    PoolError, ValueError
        As in `uniform_soup`.
    """
    if tie_order not in ("name", "released"):
        raise ValueError(f"tie_order is {tie_order!r}; ingredients of one score are tried by 'name' or as 'released'")
    names = chosen_ingredients(ev.pool, ingredients)
    split, merit = ev.suite.validation, selection_metric(ev).merit
    metric, total = split.scoring.metric, len(split)
    if seed is None:
        with ev.ahead([Recipe({name: 1}) for name in names], split.name):
            alone = {name: selection_score(ev, Recipe({name: 1})) for name in names}
        listed = sorted(names) if tie_order == "name" else names[::-1]
        order = sorted(listed, key=lambda name: merit(alone[name]), reverse=True)
    else:
        order = [names[i] for i in np.random.default_rng(seed).permutation(len(names))]
    soup, best = order[:1], selection_score(ev, Recipe({order[0]: 1}))
    steps = [GreedyStep(order[0], best, 0.0, True, total, total)]
    yield GreedySoup(average(soup), tuple(steps), metric, tie_order)
    # Images that are right can be counted up; what a mean over classes or a worst group will be, no part tells.
    in_full = full or metric != "accuracy" or split.scoring.class_map is not None or ev.abreast > 1
    with closing(Ahead(ev, split.name)) as ahead:
        for tried, candidate in enumerate(order[1:], 1):
            if ev.abreast > 1:
                # Laplace's rule of succession: the share of verdicts so far, as if there had been one more of each.
                kept = len(soup) / (tried + 1)
                ahead.expect(map(average, likely_soups(soup, order[tried:], accepted=kept, width=2 * ev.abreast)))
            recipe = average([*soup, candidate])
            if in_full:
                found, looked_at = selection_score(ev, recipe), total
            else:
                needed = round(best * total) + (1 if strict else 0)
                screening = screen(ev, recipe, split, _hardest_first(ev, soup, candidate), needed)
                found, looked_at = screening.at_most / total, screening.looked_at
            accepted = merit(found) > merit(best) if strict else merit(found) >= merit(best)
            steps.append(GreedyStep(candidate, found, best, accepted, looked_at, total))
            if accepted:
                soup, best = [*soup, candidate], found
            yield GreedySoup(average(soup), tuple(steps), metric, tie_order)


def _hardest_first(ev: Evaluator, soup: Sequence[str], candidate: str) -> NDArray[np.int64]:
    """All places of the validation split, those that the soup with the candidate will most likely get wrong first."""
    split = ev.suite.validation
    guess: Logits | None = None
    for recipe, weight in ((average(soup), len(soup)), (Recipe({candidate: 1}), 1)):
        known = ev.stored(recipe, [split.name])
        if known is not None:
            logits = weight / (len(soup) + 1) * known.split_logits(split.name)
            guess = logits if guess is None else guess + logits
    if guess is None:
        return np.arange(len(split))
    rows = np.arange(len(split))
    own = guess[rows, split.labels]
    guess[rows, split.labels] = -np.inf
    return np.argsort(own - guess.max(axis=1), kind="stable")
