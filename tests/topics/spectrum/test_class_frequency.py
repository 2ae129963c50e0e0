"""Frequencies within each class against planted ones, and diversity by hand."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from scipy import stats

import soupwidgets as sw
from soupwidgets import Evaluator, Recipe
from soupwidgets.topics.spectrum.class_frequency import class_frequencies
from soupwidgets.topics.spectrum.image_paths import image_paths
from soupwidgets.topics.spectrum.treatment import RELEASE, Treatment

SAMPLES = 32
A = Recipe({"ft-a": 1})
BARE = Treatment("logits", "boxcar", "none")


def test_each_class_has_its_planted_frequency(tiny_evaluator: Evaluator) -> None:
    """The logit of class 0 waves as often as the class of the path has a number, plus one."""
    ev, split = tiny_evaluator, tiny_evaluator.suite.id_test
    paths = image_paths(split, "within", pairs=40, samples=SAMPLES)
    logits = np.zeros((len(paths.split), 10), dtype=np.float32)
    cycles = paths.labels[:, 0] + 1
    logits[:, 0] = np.sin(2 * np.pi * cycles[:, None] * np.arange(SAMPLES) / SAMPLES).ravel()
    ev.record(A, paths.split, logits)
    found = class_frequencies(ev, A, paths, split, treatment=BARE)
    assert [c.name for c in found.classes] == list(ev.suite.classes)
    assert [c.paths for c in found.classes] == [4] * 10
    expected = np.arange(1, 11) * (SAMPLES - 1) / SAMPLES
    np.testing.assert_allclose([c.found.value for c in found.classes], expected, rtol=1e-4)
    # Diversity, pair by pair.
    for number, one in enumerate(found.classes):
        images = split.images[np.flatnonzero(split.labels == number)] / 255
        assert len(images) <= 300
        apart = [np.sqrt(((first - second) ** 2).sum()) for first, second in combinations(images, 2)]
        assert one.diversity == pytest.approx(np.mean(apart))
    assert found.correlation.value == pytest.approx(
        stats.spearmanr(np.arange(10), [c.diversity for c in found.classes]).statistic
    )
    frame = found.to_frame()
    assert frame.columns.tolist() == ["class", "centroid", "low", "high", "paths", "diversity"]
    picture = sw.spectrum.figures.class_frequency(found, "ft-a")
    assert list(picture.data[0].x) == frame["diversity"].tolist()
    assert list(picture.data[0].y) == frame["centroid"].tolist()
    assert f"over 10 classes {found.correlation} (p = " in sw.figures.text_alternative(picture)


def test_the_classes_together_are_the_whole(tiny_evaluator: Evaluator) -> None:
    """Power is a mean over paths: that of all is the mean of the classes', weighted by their paths."""
    ev, split = tiny_evaluator, tiny_evaluator.suite.id_test
    paths = image_paths(split, "within", pairs=46, samples=16)
    found = class_frequencies(ev, A, paths, split, statistic="power", treatment=RELEASE)
    whole = sw.spectrum.path_spectrum(ev, A, paths, treatment=RELEASE, progress=False)
    weights = [c.paths for c in found.classes]
    assert sum(weights) == 46
    assert np.average([c.found.value for c in found.classes], weights=weights) == pytest.approx(whole.power.value)


def test_bad_input_is_said(tiny_evaluator: Evaluator) -> None:
    split = tiny_evaluator.suite.id_test
    with pytest.raises(ValueError, match="paths between classes do not stay in one class"):
        class_frequencies(tiny_evaluator, A, image_paths(split, "between", pairs=4, samples=8), split)
    # One path of a class has no interval.
    with pytest.raises(ValueError, match="0 classes have two paths or more, and a trend needs 4: draw more pairs"):
        class_frequencies(tiny_evaluator, A, image_paths(split, "within", pairs=8, samples=8), split)
