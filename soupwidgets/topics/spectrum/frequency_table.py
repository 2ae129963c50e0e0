"""Function frequency of many models, together with their accuracies."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd
from tqdm.auto import tqdm

from soupwidgets.evaluation import Evaluation, Evaluator
from soupwidgets.recipe import Recipe
from soupwidgets.stats.correlation import FEWEST, rank_correlation
from soupwidgets.stats.estimate import Estimate
from soupwidgets.topics.spectrum.image_paths import ImagePaths
from soupwidgets.topics.spectrum.path_spectrum import PathSpectrum, path_spectrum
from soupwidgets.topics.spectrum.treatment import OURS, Detrend, Statistic, Treatment, Values, Window


@dataclass(frozen=True, eq=False)
class ModelFrequency:
    """One model's spectra along several kinds of paths, and its accuracies.

    Parameters
    ----------
    name
        Name of the model.
    spectra
        Spectra by the paths' description, in the requested order.
    evaluation
        Its accuracies.
    """

    name: str
    spectra: Mapping[str, PathSpectrum]
    evaluation: Evaluation

    def centroids(self) -> dict[str, Estimate]:
        """Mean frequency by the paths' description."""
        return self.numbers("centroid")

    def numbers(self, statistic: Statistic) -> dict[str, Estimate]:
        """One number by the paths' description, as in `PathSpectrum.number`."""
        return {kind: spectrum.number(statistic) for kind, spectrum in self.spectra.items()}


def model_frequencies(
    ev: Evaluator,
    recipes: Mapping[str, Recipe],
    paths: Sequence[ImagePaths],
    *,
    values: Values | None = None,
    splits: Sequence[str] | None = None,
    progress: bool = True,
    treatment: Treatment = OURS,
    window: Window | None = None,
    detrend: Detrend | None = None,
) -> list[ModelFrequency]:
    """Measure the spectra of several models, such as ingredients, soups, or the alphas of one line.

    Parameters
    ----------
    paths
        The paths, for example within and between classes.
    splits
        Splits on which accuracy is measured; all splits of the suite when None.
    values, treatment, window, detrend
        As in `path_spectrum`. Stored predictions are not computed again, and what is found can depend on these:
        `trend_sensitivity` tries all of them.

    Raises
    ------
    ValueError
        As in `path_spectrum`.
    """
    treatment = treatment.changed(values, window, detrend)
    states = stream_model_frequencies(ev, recipes, paths, splits=splits, treatment=treatment)
    return list(tqdm(states, total=len(recipes), desc="spectra", unit="model", disable=not progress))


def stream_model_frequencies(
    ev: Evaluator,
    recipes: Mapping[str, Recipe],
    paths: Sequence[ImagePaths],
    *,
    values: Values | None = None,
    splits: Sequence[str] | None = None,
    treatment: Treatment = OURS,
    window: Window | None = None,
    detrend: Detrend | None = None,
) -> Iterator[ModelFrequency]:
    """Yield the results of `model_frequencies`, one model at a time."""
    treatment = treatment.changed(values, window, detrend)
    for name, recipe in recipes.items():
        spectra = {
            one.description: path_spectrum(ev, recipe, one, treatment=treatment, progress=False) for one in paths
        }
        yield ModelFrequency(name, spectra, ev.evaluate(recipe, splits))


def accuracies(evaluation: Evaluation) -> dict[str, float]:
    """Accuracies (0..1) on validation and ID test, and the mean over shifts, as far as they were measured."""
    found: dict[str, float] = {}
    for title, role in (("validation", "validation"), ("ID test", "id_test")):
        known = [score.accuracy for score in evaluation.scores.values() if score.role == role]
        found |= {title: known[0]} if known else {}
    if any(score.role == "shift" for score in evaluation.scores.values()):
        found["mean OOD"] = evaluation.shift_accuracy
    return found


def frequency_frame(models: Sequence[ModelFrequency], statistic: Statistic = "centroid") -> pd.DataFrame:
    """One row per model: a number along each kind of paths with its interval, and accuracies (0..1).

    Parameters
    ----------
    statistic
        Which number, as in `PathSpectrum.number`.
    """
    rows = []
    for model in models:
        row: dict[str, object] = {"model": model.name}
        for kind, found in model.numbers(statistic).items():
            row |= {kind: found.value, f"{kind}, low": found.low, f"{kind}, high": found.high}
        rows.append(row | accuracies(model.evaluation))
    return pd.DataFrame(rows)


@dataclass(frozen=True)
class FrequencyTrend:
    """How fast predictions change along some paths, and how accurate models are: whether they go together.

    Parameters
    ----------
    paths, accuracy
        The kind of paths, and the accuracy.
    correlation
        Spearman's rank correlation, -1..1.
    p_value
        Two-sided, by permuting models. Siblings are not independent, so treat it as descriptive.
    models
        Number of models.
    """

    paths: str
    accuracy: str
    correlation: float
    p_value: float
    models: int


def frequency_trends(models: Sequence[ModelFrequency], statistic: Statistic = "centroid") -> list[FrequencyTrend]:
    """Rank correlations of every kind of frequency with accuracy in and out of distribution.

    Parameters
    ----------
    models
        At least four.
    statistic
        Which number of a spectrum, as in `PathSpectrum.number`.

    Raises
    ------
    ValueError
        When there are fewer.
    """
    if len(models) < FEWEST:
        raise ValueError(f"a trend needs at least four models, got {len(models)}")
    frame = frequency_frame(models, statistic)
    found = []
    for paths in models[0].spectra:
        for accuracy in ("ID test", "mean OOD"):
            if accuracy not in frame:
                continue
            correlation, p_value = rank_correlation(frame[paths], frame[accuracy])
            found.append(FrequencyTrend(paths, accuracy, correlation.value, p_value, len(models)))
    return found
