"""The augmentation explorer: what a choice, the strength and the buttons show."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import soupwidgets as sw
from soupwidgets import Evaluator, wise_ft
from soupwidgets.figures import text_alternative
from soupwidgets.panel.view import View
from soupwidgets.stats.estimate import Estimate
from soupwidgets.suites import Augmentation, augmentation
from soupwidgets.topics.augmentation.study import AugmentationResult, AugmentationStudy, read_augmentation_study
from soupwidgets.topics.augmentation.variants import VariantResult, VariantStudy
from soupwidgets.widgets import AugmentationExplorer
from tests.fixtures import ROOT

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
    made = AugmentationExplorer(study, tiny_evaluator.suite, ev=tiny_evaluator, own=own, alphas=2)
    yield made
    made.close()


def images(view: View) -> Any:
    """What the second strip shows."""
    return np.stack([one.image for one in view.strips[1].pictures])


def test_the_best_is_chosen_and_another_one_brings_its_strength(explorer: AugmentationExplorer) -> None:
    assert explorer.augmentation == "flip"
    view = explorer.ask()
    assert [len(strip.pictures) for strip in view.strips] == [10, 10]
    assert view.clicks == {"plane": "augmentation"}
    view = explorer.ask(augmentation="rotate 0.5")
    assert view.strips[1].title == "The same after rotate 0.5"
    assert view.figures["curves"].layout.title.text == "Training with rotate 0.5, and without"
    explorer.augmentation = "rotate 0.5"
    assert explorer.strength == 0.5
    with pytest.raises(Exception, match="cannot be 'nobody'"):
        explorer.augmentation = "nobody"
    # A state from before comes back whole, in whatever order it is given.
    explorer.state = {"augmentation": "flip"}
    assert explorer.strength == 1
    explorer.state = {"strength": 0.25, "augmentation": "rotate 0.5"}
    assert (explorer.augmentation, explorer.strength) == ("rotate 0.5", 0.25)


def test_strength_changes_the_images(explorer: AugmentationExplorer) -> None:
    half, full = (explorer.ask(augmentation="rotate 0.5", **more) for more in ({}, {"strength": 1}))
    assert (images(half) != images(full)).any()
    assert full.strips[1].title == "The same after rotate"


def test_ones_own_and_unknown_ones(explorer: AugmentationExplorer) -> None:
    view = explorer.ask(augmentation="mine")
    assert (images(view) == 255 - np.stack([one.image for one in view.strips[0].pictures])).all()
    assert "known by its results alone" in explorer.ask(augmentation=EVIL).strips[0].empty
    explorer.augmentation = EVIL
    explorer.measure += 1
    explorer.wait()
    assert "name it with own=" in explorer.error


def test_along_alpha(explorer: AugmentationExplorer, tiny_evaluator: Evaluator) -> None:
    assert "along" not in explorer.ask().figures
    explorer.measure += 1
    explorer.wait()
    assert list(explorer.along) == [0.0, 1.0]
    alone = sw.augmentation.affinity(tiny_evaluator, wise_ft(tiny_evaluator.pool, "ft-a", 1.0), augmentation("flip"))
    assert explorer.along[1.0] == alone
    assert explorer.shown is not None
    assert "2 of 2 alphas" in explorer.shown.words
    assert "Affinity of flip" in text_alternative(explorer.shown.figures["along"])
    assert explorer.running == ""
    # It belongs to what was asked about.
    assert "along" not in explorer.ask(strength=0.5).figures
    assert "along" not in explorer.ask(fine_tuned="ft-b").figures
    assert "sw.suites.augmentation('flip', 1)" in explorer.view["code"]


def test_soups_by_hyperparameter(study: AugmentationStudy, small_evaluator: Evaluator) -> None:
    explorer = AugmentationExplorer(study, small_evaluator.suite, ev=small_evaluator)
    views = list(explorer.answer({**explorer.state, "hyperparameter": "augmentation"}))
    assert [(view.done, view.total, "soups" in view.figures) for view in views] == [
        (0, 2, False), (1, 2, True), (2, 2, True)
    ]  # fmt: skip
    explorer.hyperparameter = "augmentation"
    assert [len(g.names) for g in explorer.groups] == [11, 11]
    assert "Uniform soups" in text_alternative(explorer.ask().figures["soups"])
    explorer.close()


def test_without_a_pool(study: AugmentationStudy, tiny_evaluator: Evaluator) -> None:
    explorer = AugmentationExplorer(study, tiny_evaluator.suite)
    with pytest.raises(ValueError, match="without an evaluator"):
        explorer.do("measure")
    (table,) = explorer.ask().tables
    assert table.columns[:2] == ["augmentation", "affinity"]
    assert [row[0] for row in table.rows] == list(NAMES)
    assert explorer.along == {}
    assert explorer.groups == []
    explorer.close()
    with pytest.raises(ValueError, match="no results"):
        AugmentationExplorer(replace(study, results=()), tiny_evaluator.suite)


def test_variants_of_the_chosen_augmentation(study: AugmentationStudy, tiny_evaluator: Evaluator) -> None:
    change = Estimate(0.02, 0.01, 0.03)
    dynamic = VariantResult("flip", "dynamic", ONE, ONE, change, None, (2.0, 1.0), (0.3, 0.5))
    off = replace(dynamic, variant="switched off", diversity=None, to_dynamic=change, accuracies=(0.3, 0.6))
    variants = VariantStudy((dynamic, off), 1, ONE, (2.0, 0.5), (0.3, 0.4), 3, {})
    explorer = AugmentationExplorer(study, tiny_evaluator.suite, variants=variants)
    view = explorer.ask()
    assert "switched off +2.0 points against dynamic" in view.words
    drawn = view.figures["variants"]
    assert next(list(trace.y) for trace in drawn.data if trace.uid == "accuracy-switched-off") == [30, 60]
    assert drawn.layout.shapes[0].x0 == 1
    assert "switched off after 1 epochs 60.0%" in text_alternative(drawn)
    assert "variants" not in explorer.ask(augmentation="mine").figures
    explorer.close()
    with pytest.raises(TypeError, match="variants=read_variant_study"):
        AugmentationExplorer(study, tiny_evaluator.suite, variants=study)  # type: ignore[arg-type]


def test_what_both_numbers_say_together(tiny_evaluator: Evaluator) -> None:
    study = read_augmentation_study(ROOT / "data" / "studies" / "augmentations.json")
    explorer = AugmentationExplorer(study, tiny_evaluator.suite)
    table = explorer.ask().tables[0]
    model = sw.augmentation.joint_model(study)
    assert table.note == model.sentence
    assert [row[:2] for row in table.rows] == [[known, fit.error] for known, fit in model.fits.items()]
    assert table.rows[1][3:] == [str(model.fits["affinity"].affinity), None]
    explorer.close()


def test_a_page_without_a_kernel(explorer: AugmentationExplorer, tmp_path: Path) -> None:
    page = explorer.to_html(tmp_path / "x.html").read_text()
    content = json.loads(page.split('id="content">')[1].split("</script>")[0])
    assert content["varied"] == {"augmentation": list(NAMES)}
    assert EVIL not in page
    # Each as strong as in the study.
    assert "The same after rotate 0.5" in page
    page = explorer.to_html(tmp_path / "x.html", augmentation="rotate 0.5", strength=0.25).read_text()
    assert "The same after rotate 0.25" in page
