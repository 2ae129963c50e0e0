"""What one guesses at first is answered in one sentence that says what to write."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import ipywidgets
import pandas as pd
import pytest

from soupwidgets import Evaluator, Pool, PoolError, Suite
from soupwidgets.panel import notebook_cells
from soupwidgets.widgets import (
    AlphaExplorer,
    AugmentationExplorer,
    DiversityExplorer,
    FrontierExplorer,
    LandscapeExplorer,
    MistakeReviewer,
    SoupMixer,
    SpectrumExplorer,
)
from tests.figures.test_shown import augmentations

OF_AN_EVALUATOR = (AlphaExplorer, FrontierExplorer, LandscapeExplorer, SoupMixer, SpectrumExplorer)


@pytest.mark.parametrize("explorer", OF_AN_EVALUATOR)
def test_anything_but_an_evaluator(explorer: Any, tiny_pool: Pool) -> None:
    before = set(ipywidgets.widgets.widget._instances)
    for wrong in (tiny_pool, "data/zoo", Path("data/zoo"), pd.DataFrame(), None):
        words = rf"was given a {type(wrong).__name__}: write {explorer.__name__}\(Evaluator\(pool, suite\)\)"
        with pytest.raises(TypeError, match=words):
            explorer(wrong)
    assert set(ipywidgets.widgets.widget._instances) == before


@pytest.mark.parametrize("explorer", [DiversityExplorer, MistakeReviewer])
def test_anything_but_models_with_logits(explorer: Any, tiny_pool: Pool, small_suite: Suite) -> None:
    for wrong in (tiny_pool, "data/zoo", pd.DataFrame(), ["ft-a"]):
        with pytest.raises(TypeError, match=rf"write {explorer.__name__}\(diversity.members\(ev\), suite\)"):
            explorer(wrong, small_suite)
    with pytest.raises(TypeError, match="and no suite but a Pool"):
        explorer([], tiny_pool)


def test_anything_but_a_study(tiny_pool: Pool, small_suite: Suite) -> None:
    for wrong in ((tiny_pool, small_suite), ("study.json", small_suite), (augmentations(), tiny_pool)):
        with pytest.raises(TypeError, match="write AugmentationExplorer"):
            AugmentationExplorer(*wrong)
    with pytest.raises(TypeError, match="given a Pool"):
        AugmentationExplorer(augmentations(), small_suite, ev=tiny_pool)  # type: ignore[arg-type]


def test_a_pool_alone(tiny_pool: Pool) -> None:
    for explorer in (DiversityExplorer, MistakeReviewer):
        words = rf"was given a Pool and no suite: write {explorer.__name__}\(diversity.members\(ev\), suite\)"
        with pytest.raises(TypeError, match=words):
            explorer(tiny_pool)  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="was given these and no suite: write"):
            explorer([])
    for given in (tiny_pool, augmentations()):
        with pytest.raises(TypeError, match=r"write AugmentationExplorer\(read_augmentation_study\(file\), suite, "):
            AugmentationExplorer(given)  # type: ignore[arg-type]


def test_a_pool_without_fine_tuned_models(tiny_pool: Pool, small_suite: Suite) -> None:
    alone = Pool.open([tiny_pool.checkpoints["zero-shot"].path])
    ev = Evaluator(alone, small_suite, device="cpu")
    for explorer in (AlphaExplorer, SpectrumExplorer):
        with pytest.raises(PoolError, match=rf"{explorer.__name__} goes .* the pool has none \(there is zero-shot\)"):
            explorer(ev)
    with pytest.raises(ValueError, match=r"three models, got 1 in the pool \(zero-shot\)"):
        LandscapeExplorer(ev)
    study = replace(augmentations(), results=(replace(augmentations().results[0], name="blur"),))
    made = AugmentationExplorer(study, small_suite, ev=ev)
    with pytest.raises(PoolError, match=r"the pool has none \(there is zero-shot\)"):
        made.do("measure")
    made.close()


def test_what_an_explorer_says_of_itself(small_suite: Suite, monkeypatch: pytest.MonkeyPatch) -> None:
    made = AugmentationExplorer(augmentations(), small_suite)
    what = f"<AugmentationExplorer, {small_suite.name}: affinity and diversity of augmentations"
    assert repr(made) == f"{what}: show it in a notebook, or write .to_html(path)>"
    monkeypatch.setattr(notebook_cells, "get_ipython", lambda: SimpleNamespace(kernel=None))
    assert repr(made) == f"{what}: run this cell to use it>"
    made.close()
