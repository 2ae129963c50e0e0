"""Function frequency of many models, together with their accuracies."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
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
        return {kind: spectrum.centroid for kind, spectrum in self.spectra.items()}


def model_frequencies(
    ev: Evaluator,
    recipes: Mapping[str, Recipe],
    paths: Sequence[ImagePaths],
    *,
    values: Values = "probabilities",
    splits: Sequence[str] | None = None,
    progress: bool = True,
    window: Window = "hann",
    detrend: Detrend = "linear",
) -> list[ModelFrequency]:
    """Measure the spectra of several models, such as ingredients, soups, or the alphas of one line.

    Parameters
    ----------
    paths
        The paths, for example within and between classes.
    values
        Which model output to follow.
    splits
        Splits on which accuracy is measured; all splits of the suite when None.
    window, detrend
        Treatment of the values of each path before the transform, as in `path_spectrum`. Try different ones: a mean
        frequency, and its relation to accuracy, can depend on them. Stored predictions are not computed again.

    Raises
    ------
    ValueError
        As in `path_spectrum`.
    """
    states = stream_model_frequencies(ev, recipes, paths, values=values, splits=splits, window=window, detrend=detrend)
    return list(tqdm(states, total=len(recipes), desc="spectra", unit="model", disable=not progress))


def stream_model_frequencies(
    ev: Evaluator,
    recipes: Mapping[str, Recipe],
    paths: Sequence[ImagePaths],
    *,
    values: Values = "probabilities",
    splits: Sequence[str] | None = None,
    window: Window = "hann",
    detrend: Detrend = "linear",
) -> Iterator[ModelFrequency]:
    """Yield the results of `model_frequencies`, one model at a time."""
    for name, recipe in recipes.items():
        spectra = {
            one.description: path_spectrum(ev, recipe, one, values, window=window, detrend=detrend, progress=False)
            for one in paths
        }
        yield ModelFrequency(name, spectra, ev.evaluate(recipe, splits))


def frequency_frame(models: Sequence[ModelFrequency]) -> pd.DataFrame:
    """One row per model: the mean frequency along each kind of paths with its interval, and accuracies (0..1)."""
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
    """How the mean frequency along some paths is related to an accuracy, over models.

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
        raise ValueError(f"a trend needs at least four models, got {len(models)}")
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
    from scipy import stats

    def correlation(values: NDArray[np.float64]) -> float:
        return float(stats.spearmanr(values, y).statistic)

    test = stats.permutation_test((x,), correlation, permutation_type="pairings", n_resamples=1999, rng=0)
    return float(test.statistic), float(test.pvalue)
