"""Whether an answer hangs on the treatment: the same predictions, treated in every way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import pandas as pd

from soupwidgets.evaluation import Evaluator, probe
from soupwidgets.recipe import Recipe
from soupwidgets.stats.bootstrap import estimate
from soupwidgets.stats.correlation import FEWEST, rank_correlation
from soupwidgets.stats.estimate import Estimate
from soupwidgets.topics.spectrum.frequency_table import accuracies
from soupwidgets.topics.spectrum.image_paths import ImagePaths
from soupwidgets.topics.spectrum.path_spectrum import PathSpectrum, treated_spectra
from soupwidgets.topics.spectrum.power import number_of
from soupwidgets.topics.spectrum.treatment import STATISTIC_NAMES, Statistic, Treatment, all_treatments

Measure = Literal["difference", "rank correlation"]


@dataclass(frozen=True)
class TreatedAnswer:
    """What one treatment and one statistic say.

    Parameters
    ----------
    treatment, statistic
        The treatment of the predictions, and the number taken from the spectrum.
    found
        The difference of the two models in that number, or the rank correlation of it with accuracy, with a 95%
        interval.
    reference
        The number of the second model; None for a correlation.
    """

    treatment: Treatment
    statistic: Statistic
    found: Estimate
    reference: float | None = None

    @property
    def sign(self) -> int:
        """1 or -1 where the interval lies above or below 0, and 0 where it contains it or is not known."""
        return int(self.found.low > 0) - int(self.found.high < 0)

    @property
    def relative(self) -> float:
        """The difference as a part of the second model's number; the correlation itself. NaN where that is 0."""
        if self.reference is None:
            return self.found.value
        return self.found.value / self.reference if self.reference else float("nan")


@dataclass(frozen=True)
class Sensitivity:
    """One question, answered with every treatment and every statistic from the same predictions.

    Parameters
    ----------
    subject, reference
        The two models that are compared; or which models' numbers are ranked, and by which accuracy.
    paths
        Description of the paths.
    measure
        What is in the answers.
    answers
        For every treatment every statistic.
    """

    subject: str
    reference: str
    paths: str
    measure: Measure
    answers: tuple[TreatedAnswer, ...]

    @property
    def signs(self) -> dict[int, int]:
        """How many of the answers are higher (1), lower (-1), and cannot tell (0)."""
        return {sign: sum(answer.sign == sign for answer in self.answers) for sign in (1, -1, 0)}

    @property
    def words(self) -> str:
        """How many say what."""
        high, low, unclear = (self.signs[sign] for sign in (1, -1, 0))
        count = len(self.answers)
        if self.measure == "difference":
            said = f"{self.subject} is rougher than {self.reference}, {low} that it is smoother"
        else:
            said = f"predictions change faster where {self.reference} is higher, {low} that they change slower there"
        return f"Of {count} ways to measure it {self.paths}, {high} say that {said}, and {unclear} cannot tell."

    def answer(self, treatment: Treatment, statistic: Statistic) -> TreatedAnswer:
        """Return what one of them says.

        Raises
        ------
        KeyError
            When it was not among them.
        """
        for one in self.answers:
            if (one.treatment, one.statistic) == (treatment, statistic):
                return one
        raise KeyError(f"{STATISTIC_NAMES[statistic]} of {treatment} was not measured")

    def to_frame(self) -> pd.DataFrame:
        """One row per treatment and statistic: what was found with its interval, and its sign where that is sure."""
        rows = [
            {
                "values": one.treatment.values, "window": one.treatment.window, "detrend": one.treatment.detrend,
                "statistic": one.statistic, self.measure: one.found.value, "low": one.found.low,
                "high": one.found.high, "sign": one.sign,
            }
            for one in self.answers
        ]  # fmt: skip
        return pd.DataFrame(rows)


def sensitivity(ev: Evaluator, recipes: Mapping[str, Recipe], paths: ImagePaths) -> Sensitivity:
    """Compare with every treatment which of two models changes its predictions faster.

    Parameters
    ----------
    recipes
        Two models by name: the first is compared with the second.
    paths
        The paths, the same for both.

    Returns
    -------
    Sensitivity
        Differences (first minus second) with 95% bootstrap intervals over the paths: what is drawn is a path, with
        what both models predict on it. Answers are not independent of each other, and 1 in 20 intervals misses.

    Raises
    ------
    ValueError
        When there are not two models, and as in `path_spectrum`.
    """
    if len(recipes) != 2:
        raise ValueError(f"two models are compared, got {len(recipes)}")
    treatments = all_treatments()
    first, second = (treated_spectra(probe(ev, one, paths.split), paths, treatments) for one in recipes.values())
    answers = [
        TreatedAnswer(mine.treatment, statistic, _difference(mine, theirs, statistic), theirs.number(statistic).value)
        for mine, theirs in zip(first, second, strict=True)
        for statistic in get_args(Statistic)
    ]
    subject, reference = recipes
    return Sensitivity(subject, reference, paths.description, "difference", tuple(answers))


def trend_sensitivity(ev: Evaluator, recipes: Mapping[str, Recipe], paths: ImagePaths) -> list[Sensitivity]:
    """Ask with every treatment whether models whose predictions change faster are more accurate, or less.

    Parameters
    ----------
    recipes
        At least four models by name.
    paths
        The paths, the same for all.

    Returns
    -------
    list[Sensitivity]
        Rank correlations over the models with accuracy in and out of distribution, as far as the suite has them; their
        intervals (``stats.correlation.rank_correlation``) take the models for independent, which siblings are not.

    Raises
    ------
    ValueError
        When there are fewer models, and as in `path_spectrum`.
    """
    if len(recipes) < FEWEST:
        raise ValueError(f"a trend needs at least {FEWEST} models, got {len(recipes)}")
    treatments = all_treatments()
    spectra = [treated_spectra(probe(ev, one, paths.split), paths, treatments) for one in recipes.values()]
    known = pd.DataFrame([accuracies(ev.evaluate(one)) for one in recipes.values()])
    found = []
    for accuracy in ("ID test", "mean OOD"):
        if accuracy not in known:
            continue
        answers = [
            TreatedAnswer(
                treatment,
                statistic,
                rank_correlation([number_of(statistic, s.frequency, s.mean) for s in same], known[accuracy])[0],
            )
            for treatment, same in zip(treatments, zip(*spectra, strict=True), strict=True)
            for statistic in get_args(Statistic)
        ]
        subject = f"{len(recipes)} models"
        found.append(
            Sensitivity(subject, f"{accuracy} accuracy", paths.description, "rank correlation", tuple(answers))
        )
    return found


def _difference(first: PathSpectrum, second: PathSpectrum, statistic: Statistic) -> Estimate:
    """First minus second, with an interval over paths that are drawn for both at once."""
    mine, theirs = (
        (number_of(statistic, one.frequency, density) for density in (one.mean, one.drawn)) for one in (first, second)
    )
    value, drawn = (np.subtract(*pair) for pair in zip(mine, theirs, strict=True))
    return estimate(value, drawn)
