"""The spectrum explorer shows what the functions find, and runs nothing that others wrote."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import soupwidgets as sw
from soupwidgets import Evaluator, Recipe, wise_ft
from soupwidgets.panel.picture_strips import path_strip
from soupwidgets.topics.spectrum.label_noise import LabelNoiseStudy, NoiseResult
from soupwidgets.widgets import SpectrumExplorer


@pytest.fixture
def explorer(tiny_evaluator: Evaluator) -> Iterator[SpectrumExplorer]:
    made = SpectrumExplorer(tiny_evaluator, alphas=3, pairs=12, samples=16)
    made.wait(background=True)
    yield made
    made.close()


def test_it_shows_what_the_functions_find(explorer: SpectrumExplorer, tiny_evaluator: Evaluator) -> None:
    assert explorer.alert.value == ""
    paths = sw.spectrum.image_paths(tiny_evaluator.suite.id_test, "between", 12, 16)
    alone = sw.spectrum.path_spectrum(tiny_evaluator, wise_ft(tiny_evaluator.pool, "ft-a", 0.5), paths, progress=False)
    assert explorer.spectrum is not None
    np.testing.assert_array_equal(explorer.spectrum.density, alone.density)
    assert f"alpha 0.5 of ft-a: mean frequency {alone.centroid}" in explorer.figure.text
    zero = sw.spectrum.path_spectrum(tiny_evaluator, Recipe({"zero-shot": 1}), paths, progress=False)
    assert f"zero-shot: mean frequency {zero.centroid}" in explorer.figure.text
    assert "exact, 24 of 24 paths" in explorer.status.value
    assert "the line is complete" in explorer.line_status.value
    assert list(explorer.centroids) == [0.0, 0.5, 1.0]
    assert explorer.centroids[0.5]["between classes"] == alone.centroid
    assert explorer.strip.value.count("<img") == 9


def test_the_slider_moves_it(explorer: SpectrumExplorer) -> None:
    first = explorer.spectrum
    explorer.alpha = 0.3
    explorer.wait()
    assert explorer.spectrum is not first
    assert "alpha 0.3 of ft-a" in explorer.figure.text
    assert explorer.figure.patch
    explorer.model_choice.value = "ft-b"
    explorer.wait(background=True)
    assert "alpha 0.3 of ft-b" in explorer.figure.text
    assert "alpha (0 zero-shot, 1 ft-b)" in json.dumps(explorer.along.figure)


def test_paths_values_and_the_other_model(explorer: SpectrumExplorer, tiny_evaluator: Evaluator) -> None:
    explorer.path_choice.value = "to invert"
    explorer.values_choice.value = "logits"
    explorer.other_choice.value = "uniform soup"
    explorer.wait(background=True)
    assert explorer.alert.value == ""
    paths = sw.spectrum.paths_to(tiny_evaluator.suite.id_test, tiny_evaluator.suite.splits["invert"], 12, 16)
    soup = Recipe({"ft-a": 0.5, "ft-b": 0.5})
    alone = sw.spectrum.path_spectrum(tiny_evaluator, soup, paths, "logits", progress=False)
    assert explorer.other is not None
    np.testing.assert_array_equal(explorer.other.density, alone.density)
    assert "Predictions to invert" in explorer.figure.patch["layout"]["title"]["text"]
    before = explorer.strip.value
    explorer.path_slider.value = 5
    explorer.wait()
    assert explorer.strip.value != before


def test_waves_and_exports(explorer: SpectrumExplorer) -> None:
    explorer.sensitivity_button.click()
    explorer.wait()
    assert explorer.sensitivity.layout.display is None
    assert "on 100 images of test with one wave of norm 4" in explorer.sensitivity.text
    explorer.export("csv")
    assert explorer.figure.exported["text"].startswith("frequency,density,low,high")
    explorer.export("svg")
    assert explorer.figure.exported["kind"] == "svg"


def test_label_noise_beside(tiny_evaluator: Evaluator) -> None:
    results = tuple(NoiseResult(f"{d} 0.1", d, 0.1, 0.5, (1.0,), (1.1,), (0.0,), (0.5,)) for d in ("radial", "random"))
    explorer = SpectrumExplorer(tiny_evaluator, alphas=2, pairs=4, samples=8, noise=LabelNoiseStudy(results, 1, {}))
    assert "radial noise" in explorer.fitting.text
    explorer.direction_choice.value = "random"
    assert "random noise" in explorer.fitting.text
    assert "random label noise" in explorer.followed.text
    explorer.close()


def test_a_page_without_a_kernel(explorer: SpectrumExplorer, tmp_path: Path) -> None:
    page = explorer.to_html(tmp_path / "x.html").read_text()
    state = json.loads(page.split('id="state">')[1].split("</script>")[0])
    assert [frame["value"] for frame in state["frames"]] == ["0.00", "0.50", "1.00"]
    assert len(state["figures"]) == 3
    assert "http" not in page.split('id="state">')[0].replace("https://arxiv.org", "")


def test_texts_are_texts() -> None:
    evil = "<img src=x onerror=alert(1)>"
    image = np.zeros((9, 4, 4), np.uint8)
    for made in (path_strip(image, [evil] * 9, (evil, evil)),):
        assert "<img src=x" not in made
        assert "&lt;img src=x" in made


def test_bad_input_is_said(tiny_evaluator: Evaluator) -> None:
    with pytest.raises(ValueError, match="nobody"):
        SpectrumExplorer(tiny_evaluator, "nobody")
    with pytest.raises(ValueError, match="8 points on a path"):
        SpectrumExplorer(tiny_evaluator, samples=3)
