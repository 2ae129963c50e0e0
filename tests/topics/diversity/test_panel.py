from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ipywidgets
import pytest

import soupwidgets as sw
from soupwidgets import Evaluator, Recipe
from soupwidgets.figures.shown import plain_text
from soupwidgets.panel.view import Table, View
from soupwidgets.topics.diversity.members import Member
from soupwidgets.widgets import DiversityExplorer


@pytest.fixture
def models(tiny_evaluator: Evaluator) -> list[Member]:
    return sw.diversity.members(tiny_evaluator, progress=False)


@pytest.fixture
def explorer(tiny_evaluator: Evaluator, models: list[Member]) -> Iterator[DiversityExplorer]:
    made = DiversityExplorer(models, tiny_evaluator.suite, ev=tiny_evaluator)
    yield made
    made.close()


def table(view: View, part: str) -> Table:
    return next(t for t in view.tables if part in t.title)


def rows(view: View, part: str) -> dict[str, Any]:
    return {str(row[0]): row[1] for row in table(view, part).rows}


def test_matrix_and_pair_are_those_of_the_functions(explorer: DiversityExplorer, models: list[Member]) -> None:
    alone = sw.diversity.matrix(models, explorer.suite, progress=False)
    explorer.wait()
    assert explorer.matrix is not None
    assert explorer.matrix.pairs == alone.pairs
    view = explorer.shown
    assert view is not None
    assert view.exact
    assert view.words.startswith("3 of 3 pairs are compared on test. ft-a and ft-b: exactly one is right for")
    pair = explorer.pair
    assert pair == alone.pairs[0]
    numbers = rows(view, "ft-a and ft-b on test, 400 images")
    assert numbers["exactly one is right (error inconsistency), %"] == f"{100 * pair.error_inconsistency:.2f}"
    assert numbers["error consistency (kappa of being right)"] == f"{pair.error_consistency.value:.3f}"
    plain = sw.diversity.pair(*models[:2], explorer.suite, "test", combine="plain logits")
    assert numbers["ensemble without calibration, %"] == f"{100 * plain.ensemble:.2f}"
    (strip,) = view.strips
    shown = int(re.search(r"exactly one of them has right: ([\d,]+)", strip.title)[1].replace(",", ""))
    assert shown == pair.only_first + pair.only_second
    assert len(strip.pictures) == 24
    assert explorer.error == ""


def test_views_come_coarse_first(explorer: DiversityExplorer) -> None:
    first, *_, last = explorer.answer(explorer.state)
    assert (first.done, first.total, last.done) == (1, 3, 3)
    # What was compared once is not compared again.
    assert [view.exact for view in explorer.answer(explorer.state)] == [True]


def test_a_click_on_a_cell_chooses_its_pair(explorer: DiversityExplorer) -> None:
    view = explorer.ask()
    assert view.clicks["matrix"] == ("first", "second") == view.clicks["divergence"]
    cells = view.figures["matrix"].data[0].customdata
    assert cells[2][0] == ["zero-shot", "ft-a"]
    assert cells[1][1] is None  # a model and itself are no pair
    explorer.state = {"first": "ft-b", "second": "zero-shot"}
    explorer.wait()
    assert (explorer.pair.first, explorer.pair.second) == ("ft-b", "zero-shot")
    assert "Choose two different models" in explorer.ask(first="ft-a", second="ft-a").words
    with pytest.raises(ValueError, match="first cannot be 'x'"):
        explorer.ask(first="x")


def test_numbers_orders_and_splits(explorer: DiversityExplorer) -> None:
    view = explorer.ask(number="kappa", order="by accuracy")
    title = plain_text(view.figures["matrix"].layout.title.text)
    assert "Cohen's kappa of predictions of every two models (test)" in title
    accuracy = {name: one.right(explorer.suite.id_test).mean() for name, one in explorer.models.items()}
    assert list(view.figures["matrix"].data[0].x) == sorted(accuracy, key=lambda name: -accuracy[name])
    assert sorted(explorer.ask(order="similar together").figures["matrix"].data[0].x) == sorted(accuracy)
    explorer.split = "noise"
    explorer.wait()
    assert (explorer.pair.split, explorer.matrix.split) == ("noise", "noise")


def test_the_soup_of_a_pair_beside_its_ensemble(
    explorer: DiversityExplorer, tiny_evaluator: Evaluator, models: list[Member]
) -> None:
    pair = {"first": "ft-a", "second": "ft-b"}
    assert "soup: their average weights, %" not in rows(explorer.ask(**pair), "ft-a and ft-b")
    explorer.state = pair
    explorer.soup = 1
    explorer.wait()
    soup = tiny_evaluator.evaluate(Recipe({"ft-a": 0.5, "ft-b": 0.5}), ["test"])
    assert (
        rows(explorer.shown, "ft-a and ft-b")["soup: their average weights, %"] == f"{soup.accuracy['test']:.2%}"[:-1]
    )
    stranger = DiversityExplorer(models, tiny_evaluator.suite)
    with pytest.raises(ValueError, match="not of one pool"):
        stranger.do("soup")
    stranger.close()


def test_the_features_of_a_pair_are_probed_once(explorer: DiversityExplorer, models: list[Member]) -> None:
    pair = {"first": "ft-a", "second": "ft-b"}
    assert "features" not in explorer.ask(**pair).figures
    first, *_, last = explorer.act("probe", {**explorer.state, **pair})
    assert (first.done, last.done, last.total) == (1, 10, 10)
    assert last.words == "features of both: 10 of 10 probes and what they are compared with"
    found = sw.diversity.combined_features(*models[:2], explorer.suite)
    numbers = rows(explorer.ask(**pair), "features of ft-a and ft-b, read on test")
    right = found.probes[0.5].right["test"]
    shown = table(last, "features of ft-a and ft-b, read on test")
    assert shown.note.startswith(found.answer("test")[:4].capitalize())
    row = next(one for one in shown.rows if one[0] == found.probes[0.5].name)
    assert row[2] == f"{100 * right.mean():.2f}"
    assert {"their soup", "features of their soup", "ensemble of the two models"} <= set(numbers)
    # Another pair, or another split, has probes of its own.
    assert "features" not in explorer.ask(first="ft-a", second="zero-shot").figures
    with pytest.raises(ValueError, match="two different models"):
        explorer.do("probe", first="ft-a", second="ft-a")
    with pytest.raises(ValueError, match="'val' chooses"):
        explorer.do("probe", **pair, split="val")


def test_models_known_by_their_logits_cannot_be_probed(tiny_evaluator: Evaluator, models: list[Member]) -> None:
    known = [Member(one.name, one.splits, one.load) for one in models]
    made = DiversityExplorer(known, tiny_evaluator.suite)
    (button,) = [one for one in made.controls if one["name"] == "probe"]
    assert button["lacks"] == "these models are known only by their logits"
    made.close()


def test_superclasses_are_compared_where_they_are_given(tiny_evaluator: Evaluator, models: list[Member]) -> None:
    suite = tiny_evaluator.suite
    groups = {"shoes": ["sandal", "sneaker", "ankle boot"], "bags": ["bag"]}
    made = DiversityExplorer(models, suite, superclasses=groups)
    figures = made.ask().figures
    assert "superclass by superclass" in plain_text(figures["superclasses"].layout.title.text)
    found = sw.diversity.class_specialists(*models[:2], suite, "test", superclasses=groups)
    shown = {name for trace in figures["superclasses"].data for name in trace.y or ()}
    assert shown == {one.name for one in found}
    made.close()
    with pytest.raises(ValueError, match="the superclass 'shoes' names 'clog'"):
        DiversityExplorer(models, suite, superclasses={"shoes": ["clog"]})


def test_ensembles_are_mixed_and_grown(explorer: DiversityExplorer, models: list[Member]) -> None:
    view = explorer.ask(members=["ft-a", "ft-b", "zero-shot"])
    mixed = sw.diversity.ensemble_of(models, explorer.suite, ["test"])
    shown = table(view, "ensemble")
    assert str(shown.rows[0][list(shown.columns).index("test")]).startswith(f"{100 * mixed.accuracy['test']:.2f} (")
    state = explorer.do("grow", members=["ft-a", "ft-b"])
    expected = sw.diversity.greedy_ensemble(
        explorer.models["ft-a"], [explorer.models[n] for n in ("zero-shot", "ft-b")], explorer.suite
    )
    explorer.state = state
    assert [step.name for step in explorer.steps] == [step.name for step in expected]
    assert "An ensemble that grows from ft-a" in plain_text(explorer.ask().figures["growth"].layout.title.text)
    gains = sw.diversity.helper_gains(models[0], models[1:], explorer.suite, "test")
    words = explorer.ask().figures["gains"].layout.meta["text"]
    assert all(f"{one.name} ({one.divergence}, {one.alone:.1%} alone)" in words for one in gains)
    assert "growth" not in explorer.ask(grown=None).figures
    assert not any("ensemble" in t.title for t in explorer.ask(members=[]).tables)
    with pytest.raises(ValueError, match="choose the model to begin with"):
        explorer.do("grow", members=[])


def test_files_for_a_talk(explorer: DiversityExplorer, tmp_path: Path) -> None:
    assert list(explorer.recorded({"number": [], "order": [], "first": []})) == ["number", "order"]
    page = explorer.to_html(tmp_path / "diversity.html", order="as given").read_text()
    assert "Ensemble gain over the better member" in page
    numbers = table(explorer.ask(), "diversity on test")
    assert list(numbers.columns)[:4] == ["first", "second", "split", "divergence"]
    assert (len(numbers.rows), numbers.drawn) == (3, False)


def test_its_python_runs_and_gives_the_same_numbers(
    explorer: DiversityExplorer, models: list[Member], capsys: pytest.CaptureFixture[str]
) -> None:
    code = explorer.code({**explorer.state, "number": "kappa"})
    lines = [one for one in code.splitlines() if not one.startswith(("import", "pool =", "suite =", "ev ="))]
    exec("\n".join(lines), {"sw": sw, "ev": explorer.ev, "suite": explorer.suite})
    assert f"{explorer.pair}\n" in capsys.readouterr().out
    stranger = DiversityExplorer(models, explorer.suite)
    assert stranger.code(stranger.state) == ""
    stranger.close()


def test_what_is_asked_at_first(tiny_evaluator: Evaluator, models: list[Member]) -> None:
    with pytest.raises(ValueError, match="at least two"):
        DiversityExplorer(models[:1], tiny_evaluator.suite)
    with pytest.raises(ValueError, match="two models are named"):
        DiversityExplorer([models[0], models[0]], tiny_evaluator.suite)
    with pytest.raises(KeyError, match="not all models have logits on 'fog'"):
        DiversityExplorer(models, tiny_evaluator.suite, split="fog")


def test_names_are_no_html(tiny_evaluator: Evaluator, models: list[Member]) -> None:
    evil = Member("<img src=x onerror=alert(1)>", models[0].splits, models[0].load)
    made = DiversityExplorer([evil, models[1]], tiny_evaluator.suite)
    made.wait()
    assert {f["name"] for f in made.view["figures"]} >= {"matrix", "confidences", "classes"}
    # Figures alone are given HTML to show; all else is shown as text.
    for figure in made.view["figures"]:
        assert "<img" not in json.dumps(figure["layout"])
    made.close()


def test_closing_frees_every_widget(tiny_evaluator: Evaluator, models: list[Member]) -> None:
    before = set(ipywidgets.widgets.widget._instances)
    made = DiversityExplorer(models, tiny_evaluator.suite)
    assert made.model_id
    made.close()  # while it still compares
    assert set(ipywidgets.widgets.widget._instances) == before
