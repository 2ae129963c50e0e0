"""Function frequency of many models, beside what else is known of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats
from tqdm.auto import tqdm

from soupwidgets.evaluation import Evaluation, Evaluator
from soupwidgets.recipe import Recipe
from soupwidgets.stats.estimate import Estimate
from soupwidgets.topics.spectrum.image_paths import ImagePaths
from soupwidgets.topics.spectrum.path_spectrum import Detrend, PathSpectrum, Values, Window, path_spectrum


@dataclass(frozen=True, eq=False)
class ModelFrequency:
    """One model's spectra along several kinds of paths, and its accuracies.

    Parameters
    ----------
    name
        What it is called.
    spectra
        By the paths' description, in the order in which they were asked for.
    evaluation
        Its accuracies.
    """

    name: str
    spectra: Mapping[str, PathSpectrum]
    evaluation: Evaluation

    def centroids(self) -> dict[str, Estimate]:
        """Mean frequency by the paths' description."""
        return {kind: spectrum.centroid for kind, spectrum in self.spectra.items()}


def model_frequencies(
    ev: Evaluator,
    recipes: Mapping[str, Recipe],
    paths: Sequence[ImagePaths],
    values: Values = "probabilities",
    splits: Sequence[str] | None = None,
    progress: bool = True,
    window: Window = "hann",
    detrend: Detrend = "linear",
) -> list[ModelFrequency]:
    """Measure the spectra of several models: ingredients and soups, good and bad ones, or one line's alphas.

    Parameters
    ----------
    ev
        The evaluator; what its store has is not computed again.
    recipes
        The models by name.
    paths
        Which paths, for instance within and between classes.
    values
        What is followed.
    splits
        Where accuracy is measured; on all splits of the suite when None.
    progress
        Whether to show a progress bar.
    window, detrend
        What is done to the values of each path before the transform, as in `path_spectrum`. Try another: a mean
        frequency, and how it goes with accuracy, can depend on them. What a store has is not computed again.

    Returns
    -------
    list[ModelFrequency]
        In the order of the recipes.

    Raises
    ------
    ValueError
        As in `path_spectrum`.
    """
    states = stream_model_frequencies(ev, recipes, paths, values, splits, window, detrend)
    return list(tqdm(states, total=len(recipes), desc="spectra", unit="model", disable=not progress))


def stream_model_frequencies(
    ev: Evaluator,
    recipes: Mapping[str, Recipe],
    paths: Sequence[ImagePaths],
    values: Values = "probabilities",
    splits: Sequence[str] | None = None,
    window: Window = "hann",
    detrend: Detrend = "linear",
) -> Iterator[ModelFrequency]:
    """`model_frequencies`, one model after the other."""
    for name, recipe in recipes.items():
        spectra = {one.description: path_spectrum(ev, recipe, one, values, window, detrend, False) for one in paths}
        yield ModelFrequency(name, spectra, ev.evaluate(recipe, splits))


def frequency_frame(models: Sequence[ModelFrequency]) -> pd.DataFrame:
    """One row a model: the mean frequency of each kind of paths with its interval, and accuracies (0..1)."""
    rows = []
    for model in models:
        row: dict[str, object] = {"model": model.name}
        for kind, centroid in model.centroids().items():
            row |= {kind: centroid.value, f"{kind}, low": centroid.low, f"{kind}, high": centroid.high}
        scores = model.evaluation.scores
        for title, role in (("validation", "validation"), ("ID test", "id_test")):
            found = [score.accuracy for score in scores.values() if score.role == role]
            if found:
                row[title] = found[0]
        if any(score.role == "shift" for score in scores.values()):
            row["mean OOD"] = model.evaluation.shift_accuracy
        rows.append(row)
    return pd.DataFrame(rows)


@dataclass(frozen=True)
class FrequencyTrend:
    """How the mean frequency along some paths goes with an accuracy, over models.

    Parameters
    ----------
    paths, accuracy
        Which two.
    correlation
        Spearman's rank correlation, -1..1.
    p_value
        Two-sided, by permuting models. Siblings are not independent: read it as a description.
    models
        How many.
    """

    paths: str
    accuracy: str
    correlation: float
    p_value: float
    models: int


def frequency_trends(models: Sequence[ModelFrequency]) -> list[FrequencyTrend]:
    """Rank correlations of every kind of frequency with accuracy in and out of distribution.

    Parameters
    ----------
    models
        At least four.

    Raises
    ------
    ValueError
        When there are fewer.
    """
    if len(models) < 4:
        raise ValueError(f"a trend needs at least four models, {len(models)} given")
    frame = frequency_frame(models)
    found = []
    for paths in models[0].spectra:
        for accuracy in ("ID test", "mean OOD"):
            if accuracy not in frame:
                continue
            value, p_value = _rank_correlation(frame[paths].to_numpy(), frame[accuracy].to_numpy())
            found.append(FrequencyTrend(paths, accuracy, value, p_value, len(models)))
    return found


def _rank_correlation(x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[float, float]:
    """Spearman's correlation and its p-value by permutation."""

    def correlation(values: NDArray[np.float64]) -> float:
        return float(stats.spearmanr(values, y).statistic)

    test = stats.permutation_test((x,), correlation, permutation_type="pairings", n_resamples=1999, rng=0)
    return float(test.statistic), float(test.pvalue)
