from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import ipywidgets
import pytest

import soupwidgets as sw
from soupwidgets import Evaluator, Recipe
from soupwidgets.topics.diversity.members import Member
from soupwidgets.widgets import DiversityExplorer


@pytest.fixture
def models(tiny_evaluator: Evaluator) -> list[Member]:
    return sw.diversity.members(tiny_evaluator, progress=False)


@pytest.fixture
def explorer(tiny_evaluator: Evaluator, models: list[Member]) -> Iterator[DiversityExplorer]:
    made = DiversityExplorer(models, tiny_evaluator.suite, ev=tiny_evaluator)
    made.wait(background=True)
    yield made
    made.close()


def test_matrix_and_pair_are_those_of_the_functions(explorer: DiversityExplorer, models: list[Member]) -> None:
    alone = sw.diversity.matrix(models, explorer.suite, progress=False)
    assert explorer.matrix is not None
    assert explorer.matrix.pairs == alone.pairs
    assert "3 of 3 pairs are compared on test" in explorer.status.value
    assert explorer.pair == alone.pairs[0]
    assert f"{100 * alone.pairs[0].error_inconsistency:.2f}" in explorer.details.value
    shown = int(re.search(r"exactly one of them has right: ([\d,]+)", explorer.images.value)[1].replace(",", ""))
    assert shown == alone.pairs[0].only_first + alone.pairs[0].only_second
    assert explorer.images.value.count("<img") == 24
    assert explorer.alert.value == ""


def test_a_click_on_a_cell_chooses_its_pair(explorer: DiversityExplorer) -> None:
    explorer.matrix_figure.clicked = {"uid": "pairs", "customdata": ["ft-b", "zero-shot"], "at": 1}
    explorer.wait()
    assert explorer.pair is not None
    assert (explorer.pair.first, explorer.pair.second) == ("ft-b", "zero-shot")
    for nonsense in (["ft-b", "ft-b"], ["<b>", "ft-a"], 7, None):
        explorer.matrix_figure.clicked = {"uid": "pairs", "customdata": nonsense, "at": 2}
    assert (explorer.first_choice.value, explorer.second_choice.value) == ("ft-b", "zero-shot")
    explorer.second_choice.value = "ft-b"
    assert "choose two different models" in explorer.details.value
    with pytest.raises(ValueError, match="no model 'x'"):
        explorer.choose("x", "ft-a")


def test_numbers_orders_and_splits(explorer: DiversityExplorer) -> None:
    explorer.number_choice.value = "Cohen's kappa of predictions"
    assert "Cohen's kappa of predictions (test)" in explorer.matrix_figure.figure["layout"]["title"]["text"]
    explorer.order_choice.value = "by accuracy"
    accuracy = {name: one.right(explorer.suite.id_test).mean() for name, one in explorer.models.items()}
    assert explorer.matrix_figure.figure["data"][0]["x"] == sorted(accuracy, key=lambda name: -accuracy[name])
    explorer.order_choice.value = "similar together"
    assert sorted(explorer.matrix_figure.figure["data"][0]["x"]) == sorted(accuracy)
    explorer.split_choice.value = "noise"
    explorer.wait(background=True)
    assert explorer.pair is not None
    assert (explorer.pair.split, explorer.matrix.split) == ("noise", "noise")


def test_the_soup_of_a_pair_beside_its_ensemble(
    explorer: DiversityExplorer, tiny_evaluator: Evaluator, models: list[Member]
) -> None:
    explorer.choose("ft-a", "ft-b")
    explorer.wait()
    explorer.soup_button.click()
    explorer.wait()
    soup = tiny_evaluator.evaluate(Recipe({"ft-a": 0.5, "ft-b": 0.5}), ["test"])
    assert "soup: their average weights" in explorer.details.value
    assert f"{100 * soup.accuracy['test']:.2f}" in explorer.details.value
    stranger = DiversityExplorer(models, tiny_evaluator.suite)
    stranger.soup_button.click()
    assert "not of one pool" in stranger.alert.value
    stranger.close()


def test_ensembles_are_mixed_and_grown(explorer: DiversityExplorer, models: list[Member]) -> None:
    explorer.members_choice.value = ("ft-a", "ft-b", "zero-shot")
    explorer.wait()
    mixed = sw.diversity.ensemble_of(models, explorer.suite, ["test"])
    assert f"{100 * mixed.accuracy['test']:.2f}" in explorer.ensemble.value
    explorer.grow_button.click()
    explorer.wait()
    expected = sw.diversity.greedy_ensemble(
        explorer.models["ft-a"], [explorer.models[n] for n in ("ft-b", "zero-shot")], explorer.suite
    )
    assert [step.name for step in explorer.steps] == [step.name for step in expected]
    explorer.members_choice.value = ()
    explorer.wait()
    assert explorer.ensemble.value == ""
    explorer.grow()
    explorer.wait()
    assert "choose the model to begin with" in explorer.alert.value


def test_files_for_a_talk(explorer: DiversityExplorer, tmp_path: Path) -> None:
    page = explorer.to_html(tmp_path / "diversity.html").read_text()
    start = page.index("{", page.index('id="state"'))
    state = json.loads(page[start : page.index("</script>", start)])
    assert [frame["value"] for frame in state["frames"]][:2] == ["Error inconsistency", "Cohen's kappa of predictions"]
    explorer.export("csv")
    assert explorer.matrix_figure.exported["text"].startswith("first,second,split,divergence")
    explorer.export("svg")
    assert explorer.matrix_figure.exported["number"] == 2


def test_what_is_asked_at_first(tiny_evaluator: Evaluator, models: list[Member]) -> None:
    with pytest.raises(ValueError, match="at least two"):
        DiversityExplorer(models[:1], tiny_evaluator.suite)
    with pytest.raises(ValueError, match="two models are named"):
        DiversityExplorer([models[0], models[0]], tiny_evaluator.suite)
    with pytest.raises(KeyError, match="not all models have logits on 'fog'"):
        DiversityExplorer(models, tiny_evaluator.suite, "fog")


def test_names_are_no_html(tiny_evaluator: Evaluator, models: list[Member]) -> None:
    evil = Member("<img src=x onerror=alert(1)>", models[0].splits, models[0].load)
    made = DiversityExplorer([evil, models[1]], tiny_evaluator.suite)
    made.wait(background=True)
    for text in (made.details.value, made.images.value, made.ensemble.value):
        assert "&lt;img src=x" in text
        assert "<img src=x" not in text
    for figure in (made.matrix_figure, made.confidence_figure, made.class_figure):
        plain = json.dumps({k: v for k, v in figure.figure["layout"].items() if k != "meta"})
        assert "<img" not in plain
    made.close()


def test_closing_frees_every_widget(tiny_evaluator: Evaluator, models: list[Member]) -> None:
    before = set(ipywidgets.widgets.widget._instances)
    made = DiversityExplorer(models, tiny_evaluator.suite)
    made.close()  # while it still compares
    assert set(ipywidgets.widgets.widget._instances) == before
