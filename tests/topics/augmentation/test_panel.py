"""The augmentation explorer: what a click, the strength and the buttons show."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

import soupwidgets as sw
from soupwidgets import Evaluator, wise_ft
from soupwidgets.stats.estimate import Estimate
from soupwidgets.suites import Augmentation, augmentation
from soupwidgets.topics.augmentation.study import AugmentationResult, AugmentationStudy
from soupwidgets.widgets import AugmentationExplorer

EVIL = "<img src=x onerror=alert(1)>"
ONE = Estimate(1.0, 0.9, 1.1)
RESULT = AugmentationResult("flip", ONE, ONE, ONE, ONE, ONE, None, ONE, ONE, (2.0, 1.0), (0.3, 0.5))
NAMES = ("flip", "rotate 0.5", "mine", EVIL)


@pytest.fixture
def study() -> AugmentationStudy:
    results = tuple(replace(RESULT, name=name, change=Estimate(-i, -i, -i)) for i, name in enumerate(NAMES))
    return AugmentationStudy(results, ONE, (2.0, 0.5), (0.3, 0.4), 3, {})


@pytest.fixture
def explorer(study: AugmentationStudy, tiny_evaluator: Evaluator) -> Iterator[AugmentationExplorer]:
    own = [Augmentation("mine", lambda image: 255 - image)]
    made = AugmentationExplorer(study, tiny_evaluator.suite, tiny_evaluator, own, alphas=2)
    made.wait()
    yield made
    made.close()


def test_the_best_is_chosen_and_a_click_chooses(explorer: AugmentationExplorer) -> None:
    assert explorer.chosen == "flip"
    assert explorer.pictures.value.count("<img") == 20
    explorer.plane.clicked = {"uid": "augmentations", "customdata": ["rotate 0.5"], "at": 1}
    assert explorer.chosen == "rotate 0.5"
    assert explorer.strength.value == 0.5
    assert "after rotate 0.5" in explorer.pictures.value
    assert "Training with rotate 0.5" in explorer.curves.figure["layout"]["title"]["text"]
    for nonsense in (["nobody"], "flip", None, [1, 2]):
        explorer.plane.clicked = {"uid": "augmentations", "customdata": nonsense, "at": 2}
    assert explorer.chosen == "rotate 0.5"


def test_strength_changes_the_images(explorer: AugmentationExplorer) -> None:
    explorer.chosen = "rotate 0.5"
    half = explorer.pictures.value
    explorer.strength.value = 1.0
    assert explorer.pictures.value != half
    assert (
        "after rotate<" in explorer.pictures.value
        or "after rotate&" in explorer.pictures.value
        or ("(below) rotate" in explorer.pictures.value)
    )


def test_ones_own_and_unknown_ones(explorer: AugmentationExplorer) -> None:
    explorer.chosen = "mine"
    assert "after mine" in explorer.pictures.value
    explorer.chosen = EVIL
    assert "known by its results alone" in explorer.pictures.value
    assert "<img src=x" not in explorer.pictures.value
    explorer.along_button.click()
    assert "name it with own=" in explorer.alert.value
    assert "<img src=x" not in explorer.alert.value


def test_along_alpha(explorer: AugmentationExplorer, tiny_evaluator: Evaluator) -> None:
    explorer.along_button.click()
    explorer.wait()
    assert list(explorer.along) == [0.0, 1.0]
    alone = sw.augmentation.affinity(tiny_evaluator, wise_ft(tiny_evaluator.pool, "ft-a", 1.0), augmentation("flip"))
    assert explorer.along[1.0] == alone
    assert "2 of 2 alphas" in explorer.status.value
    assert "Affinity of flip" in explorer.along_figure.text


def test_soups_by_hyperparameter(study: AugmentationStudy, small_evaluator: Evaluator) -> None:
    explorer = AugmentationExplorer(study, small_evaluator.suite, small_evaluator)
    explorer.hyperparameter_choice.value = "augmentation"
    explorer.wait()
    assert [len(g.names) for g in explorer.groups] == [11, 11]
    assert "Uniform soups" in explorer.groups_figure.text
    explorer.close()


def test_without_a_pool(study: AugmentationStudy, tiny_evaluator: Evaluator) -> None:
    explorer = AugmentationExplorer(study, tiny_evaluator.suite)
    explorer.measure_along_alpha()
    assert "without an evaluator" in explorer.alert.value
    explorer.export("csv")
    assert explorer.plane.exported["text"].startswith("augmentation,affinity")
    explorer.close()
    with pytest.raises(ValueError, match="no results"):
        AugmentationExplorer(replace(study, results=()), tiny_evaluator.suite)


def test_a_page_without_a_kernel(explorer: AugmentationExplorer, tmp_path: Path) -> None:
    page = explorer.to_html(tmp_path / "x.html").read_text()
    state = json.loads(page.split('id="state">')[1].split("</script>")[0])
    assert [frame["value"] for frame in state["frames"]] == list(NAMES)
    # Values are set as texts by the page; what is HTML holds no text of others.
    assert all("<img src=x" not in frame["below"] for frame in state["frames"])
