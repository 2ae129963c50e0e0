"""Every treatment of the same predictions: signs that are planted, and intervals against scipy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

import soupwidgets as sw
from soupwidgets import Evaluator, Recipe
from soupwidgets.stats.estimate import Estimate
from soupwidgets.topics.spectrum.image_paths import ImagePaths, image_paths
from soupwidgets.topics.spectrum.path_spectrum import path_spectrum
from soupwidgets.topics.spectrum.sensitivity import TreatedAnswer, sensitivity, trend_sensitivity
from soupwidgets.topics.spectrum.treatment import OURS, RELEASE, Treatment, all_treatments

SAMPLES = 32
A, B = Recipe({"ft-a": 1}), Recipe({"ft-b": 1})
BARE = Treatment("logits", "boxcar", "none")


def filed(ev: Evaluator, recipe: Recipe, paths: ImagePaths, wave: NDArray[np.float64]) -> None:
    """File logits of class 0, ``[paths, samples]``, as if a model had given them; the others are 0."""
    logits = np.zeros((len(paths.split), 10), dtype=np.float32)
    logits[:, 0] = wave.ravel()
    ev.record(recipe, paths.split, logits)


@pytest.fixture
def paths(tiny_evaluator: Evaluator) -> ImagePaths:
    return image_paths(tiny_evaluator.suite.id_test, "between", pairs=40, samples=SAMPLES)


def waves(
    scale: NDArray[np.float64], wave: Callable[[NDArray[np.float64]], NDArray[np.float64]]
) -> NDArray[np.float64]:
    found: NDArray[np.float64] = scale[:, None] * wave(np.linspace(0, 1, SAMPLES))
    return found


def test_a_sign_that_turns_with_the_treatment(tiny_evaluator: Evaluator, paths: ImagePaths) -> None:
    """A model that wanders once from one end to the other, and one that waves twice and comes back."""
    ev, scale = tiny_evaluator, np.random.default_rng(0).uniform(0.5, 1.5, 40)
    filed(ev, A, paths, waves(scale, lambda x: 4 * x + 0.1 * np.sin(2 * np.pi * x)))
    filed(ev, B, paths, waves(scale, lambda x: np.sin(2 * np.pi * 2 * x)))
    found = sensitivity(ev, {"slope": A, "wave": B}, paths)
    assert len(found.answers) == 45
    # The jump from the end of the slope to its start has power at all frequencies; without the slope, one slow wave.
    assert found.answer(BARE, "centroid").sign == 1
    assert found.answer(OURS.changed("logits"), "centroid").sign == -1
    assert found.signs == {sign: sum(a.sign == sign for a in found.answers) for sign in (1, 0, -1)}
    assert found.signs[1] > 0 < found.signs[-1]
    assert found.words == (
        f"Of 45 ways to measure it between classes, {found.signs[1]} say that slope is rougher than wave, "
        f"{found.signs[-1]} that it is smoother, and {found.signs[0]} cannot tell."
    )
    assert found.to_frame()["sign"].tolist() == [a.sign for a in found.answers]


def test_differences_are_those_of_spectra_and_intervals_those_of_scipy(
    tiny_evaluator: Evaluator, paths: ImagePaths
) -> None:
    ev, rng = tiny_evaluator, np.random.default_rng(1)
    scale = rng.uniform(0.2, 2, 40)
    filed(ev, A, paths, waves(scale * rng.uniform(1, 1.1, 40), lambda x: np.sin(2 * np.pi * 3 * x)))
    filed(ev, B, paths, waves(scale, lambda x: np.sin(2 * np.pi * 3 * x)))
    found = sensitivity(ev, {"a": A, "b": B}, paths)
    spectra = [path_spectrum(ev, one, paths, treatment=BARE, progress=False) for one in (A, B)]
    answer = found.answer(BARE, "power")
    assert answer.found.value == pytest.approx(spectra[0].power.value - spectra[1].power.value)
    assert answer.reference == spectra[1].power.value
    assert answer.relative == pytest.approx(spectra[0].power.value / spectra[1].power.value - 1)
    by_path = [one.density[:, 1:].sum(axis=1) * one.spacing for one in spectra]

    def difference(x: NDArray[np.float64], y: NDArray[np.float64], axis: int) -> NDArray[np.float64]:
        return x.mean(axis=axis) - y.mean(axis=axis)

    limits = {
        paired: stats.bootstrap(by_path, difference, paired=paired, method="percentile", rng=0).confidence_interval
        for paired in (True, False)
    }
    margin = limits[True].high - limits[True].low
    assert answer.found.low == pytest.approx(limits[True].low, abs=0.1 * margin)
    assert answer.found.high == pytest.approx(limits[True].high, abs=0.1 * margin)
    # Paths differ more from each other than the models do: only pairs of the same path can tell them apart.
    assert limits[False].low < 0 < answer.found.low


def test_a_model_against_itself_cannot_be_told_apart(tiny_evaluator: Evaluator, paths: ImagePaths) -> None:
    found = sensitivity(tiny_evaluator, {"a": A, "again": A}, paths)
    assert found.signs == {1: 0, -1: 0, 0: 45}
    seen = tiny_evaluator.forward_images
    assert sensitivity(tiny_evaluator, {"a": A, "again": A}, paths) == found
    assert tiny_evaluator.forward_images == seen == len(paths.split)


def test_models_that_do_not_move_have_no_number(tiny_evaluator: Evaluator, paths: ImagePaths) -> None:
    filed(tiny_evaluator, A, paths, np.ones((40, SAMPLES)))
    filed(tiny_evaluator, B, paths, np.ones((40, SAMPLES)))
    found = sensitivity(tiny_evaluator, {"a": A, "b": B}, paths)
    still = found.answer(RELEASE, "centroid")
    assert np.isnan(still.found.value)
    assert (still.sign, found.answer(RELEASE, "power").sign) == (0, 0)
    assert "?" in sw.spectrum.figures.treatments(found).data[0].text[0][3]


def test_trends_with_accuracy(tiny_evaluator: Evaluator) -> None:
    ev = tiny_evaluator
    recipes = {f"alpha {a}": Recipe({"zero-shot": 1 - a, "ft-a": a}) for a in (0, 0.25, 0.5, 0.75, 1)}
    paths = image_paths(ev.suite.id_test, "within", pairs=10, samples=16)
    found = trend_sensitivity(ev, recipes, paths)
    assert [one.reference for one in found] == ["ID test accuracy", "mean OOD accuracy"]
    for one, accuracy in zip(found, ("accuracy", "shift_accuracy"), strict=True):
        assert len(one.answers) == 45
        assert (one.subject, one.measure) == ("5 models", "rank correlation")
        for treatment in (RELEASE, OURS):
            power = [
                path_spectrum(ev, r, paths, treatment=treatment, progress=False).power.value for r in recipes.values()
            ]
            scores = [getattr(ev.evaluate(r), accuracy) for r in recipes.values()]
            known = scores if accuracy == "shift_accuracy" else [score["test"] for score in scores]
            answer = one.answer(treatment, "power")
            assert answer.found.value == pytest.approx(stats.spearmanr(power, known).statistic)
            assert answer.relative == answer.found.value
    assert "say that predictions change faster where ID test accuracy is higher" in found[0].words


def test_bad_input_is_said(tiny_evaluator: Evaluator, paths: ImagePaths) -> None:
    with pytest.raises(ValueError, match="two models are compared, got 1"):
        sensitivity(tiny_evaluator, {"a": A}, paths)
    with pytest.raises(ValueError, match="at least 4 models, got 2"):
        trend_sensitivity(tiny_evaluator, {"a": A, "b": B}, paths)
    found = sensitivity(tiny_evaluator, {"a": A, "b": B}, paths)
    with pytest.raises(KeyError, match="power of probabilities, no window, mean subtracted was not measured"):
        found.answer(Treatment("probabilities", "boxcar", "constant"), "power")


def test_the_grid_of_signs() -> None:
    estimates = {1: Estimate(0.5, 0.1, 0.9), -1: Estimate(-0.5, -0.9, -0.1), 0: Estimate(0.5, -0.1, 1.1)}
    signs = [(1, -1, 0)[number % 3] for number in range(45)]
    ways = [(one, s) for one in all_treatments() for s in ("centroid", "power", "share")]
    answers = tuple(TreatedAnswer(*way, estimates[sign], 2.0) for way, sign in zip(ways, signs, strict=True))
    found = sw.spectrum.Sensitivity("first", "second", "within a class", "difference", answers)
    (grid,) = (t for t in sw.spectrum.figures.treatments(found).data if t.uid == "signs")
    # Of each treatment the mean frequency is higher, the power lower, and the share unclear.
    assert [list(row) for row in grid.z] == [[1] * 5, [-1] * 5, [0] * 5] * 3
    assert grid.text[0][0] == "\u25b2 \u00d71.25<br>ours"
    assert grid.text[1][1] == "\u25bc \u00d70.75"
    assert grid.text[8][4] == "(\u00d71.25)<br>release"
    assert grid.y[8] == "distance:<br>fast share"
    figure = sw.spectrum.figures.treatments(found)
    assert "Is first rougher than second within a class?" in figure.layout.title.text.replace("<br>", " ")
    words = sw.figures.text_alternative(figure)
    assert words.startswith(found.words)
    assert "release: mean frequency of distance of the probabilities from the start, no window" in words
    trend = replace(found, measure="rank correlation", answers=tuple(replace(a, reference=None) for a in answers))
    assert sw.spectrum.figures.treatments(trend).data[0].text[0][0] == "\u25b2 +0.50<br>ours"
