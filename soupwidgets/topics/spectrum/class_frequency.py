"""How fast predictions change within each class, and how different its images are from each other."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from soupwidgets.evaluation import Evaluator, probe
from soupwidgets.recipe import Recipe
from soupwidgets.stats.correlation import FEWEST, rank_correlation
from soupwidgets.stats.estimate import Estimate
from soupwidgets.suites import Split
from soupwidgets.topics.spectrum.image_paths import ImagePaths
from soupwidgets.topics.spectrum.path_spectrum import treated_spectra
from soupwidgets.topics.spectrum.treatment import OURS, Statistic, Treatment

# All pairs of this many images of a class.
_MOST_IMAGES = 300


@dataclass(frozen=True)
class ClassFrequency:
    """How fast predictions change within one class.

    Parameters
    ----------
    name
        The class.
    found
        One number of the spectrum over its paths, with a 95% bootstrap interval over them.
    paths
        How many paths lie in it.
    diversity
        Mean L2 distance between two different images of the class, pixel values 0..1.
    """

    name: str
    found: Estimate
    paths: int
    diversity: float


@dataclass(frozen=True)
class ClassFrequencies:
    """Classes by how fast predictions change within them, and by how diverse they are.

    Parameters
    ----------
    classes
        The classes that have paths.
    statistic, treatment, unit
        Which number of which treatment, and the unit of the frequencies.
    correlation, p_value
        Rank correlation of the number with diversity over the classes, with its 95% interval, and its p-value.
        With ten classes the interval is wide: only one of about .68 or more lies clear of 0.
    """

    classes: tuple[ClassFrequency, ...]
    statistic: Statistic
    treatment: Treatment
    unit: str
    correlation: Estimate
    p_value: float

    def to_frame(self) -> pd.DataFrame:
        """One row per class: the number with its interval, how many paths, and diversity."""
        rows = [
            {
                "class": c.name,
                self.statistic: c.found.value,
                "low": c.found.low,
                "high": c.found.high,
                "paths": c.paths,
                "diversity": c.diversity,
            }
            for c in self.classes
        ]
        return pd.DataFrame(rows)


def class_frequencies(
    ev: Evaluator,
    recipe: Recipe,
    paths: ImagePaths,
    split: Split,
    *,
    statistic: Statistic = "centroid",
    treatment: Treatment = OURS,
) -> ClassFrequencies:
    """Group paths within classes by their class, and ask whether predictions change faster in diverse classes.

    Parameters
    ----------
    paths
        From `image_paths`, within a class.
    split
        The images whose diversity is measured, such as those that the paths were drawn from.
    statistic, treatment
        Which number of which spectrum, as in `PathSpectrum.number` and `path_spectrum`.

    Raises
    ------
    ValueError
        When a path leads from one class to another, fewer than four classes have two paths or more, and as in
        `path_spectrum`.

    Notes
    -----
    According to its abstract, arXiv 2110.02424 finds on ImageNet 'higher frequencies on more diverse classes'. How it
    measures diversity could not be looked up; here it is the mean distance in pixels between all pairs of up to 300
    images of the class. It needs no model, but paths are longer in a class that is diverse in this sense: in cycles per
    path, a function as fast everywhere would change more often there. Paths with a fixed step
    (``image_paths(step=...)``) are not open to that.
    """
    if (paths.labels[:, 0] != paths.labels[:, 1]).any():
        raise ValueError(f"paths {paths.description} do not stay in one class: use image_paths(split, 'within')")
    (whole,) = treated_spectra(probe(ev, recipe, paths.split), paths, [treatment])
    names, classes = ev.suite.class_names(split.name), []
    for number in np.unique(paths.labels).tolist():
        rows = paths.labels[:, 0] == number
        if rows.sum() < 2:
            continue
        own = replace(whole, density=whole.density[rows], total=int(rows.sum()))
        diversity = _mean_distance(split.images[np.flatnonzero(split.labels == number)])
        classes.append(ClassFrequency(names[number], own.number(statistic), own.total, diversity))
    if len(classes) < FEWEST:
        raise ValueError(
            f"{len(classes)} classes have two paths or more, and a trend needs {FEWEST}: draw more pairs of images"
        )
    correlation, p_value = rank_correlation([c.found.value for c in classes], [c.diversity for c in classes])
    return ClassFrequencies(tuple(classes), statistic, treatment, paths.unit, correlation, p_value)


def _mean_distance(images: NDArray[np.uint8]) -> float:
    """Mean L2 distance between two different images, pixel values 0..1."""
    from scipy.spatial.distance import pdist

    if len(images) > _MOST_IMAGES:
        images = images[np.random.default_rng(0).choice(len(images), _MOST_IMAGES, replace=False)]
    return float(pdist(images.reshape(len(images), -1) / 255).mean())
